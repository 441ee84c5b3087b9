// The strip: the disagreement of the last minute's decisions, newest at the right.

const SPAN = 60; // [s]

export class Strip {
  constructor(canvas, label) {
    Object.assign(this, { canvas, label });
    this.points = []; // [console's clock [s], disagreement or null, whether an episode begins]
  }

  take(strip, now) {
    for (const [age, value, first] of strip) this.points.push([now - age, value, first]);
    this.points = this.points.filter(([at]) => now - at < SPAN);
    this.draw(now);
  }

  draw(now) {
    const scale = devicePixelRatio || 1;
    const width = this.canvas.width = this.canvas.clientWidth * scale;
    const height = this.canvas.height = this.canvas.clientHeight * scale;
    const highest = Math.max(0, ...this.points.map(([, value]) => value ?? 0));
    const most = highest || 1; // the height that stands for it
    const place = ([at, value]) =>
      [width * (1 - (now - at) / SPAN), height - 4 - (value ?? most) / most * (height - 20 * scale)];
    const pen = this.canvas.getContext('2d');
    pen.lineWidth = 1.5 * scale;
    pen.strokeStyle = '#98a4ae';
    for (const point of this.points.filter(([, , first]) => first)) {
      const [x] = place(point);
      pen.beginPath(); pen.moveTo(x, 0); pen.lineTo(x, height); pen.stroke();
    }
    pen.strokeStyle = '#12507e';
    pen.beginPath();
    let before = null;
    for (const point of this.points) {
      const joined = before && point[0] - before[0] < 1 && !point[2];
      pen[joined ? 'lineTo' : 'moveTo'](...place(point));
      before = point;
    }
    pen.stroke();
    pen.fillStyle = '#51616e';
    pen.font = `${12 * scale}px sans-serif`;
    pen.fillText(this.points.length ? `most ${highest.toPrecision(2)}` : 'no decisions in the last minute', 4 * scale, 13 * scale);
    const last = this.points.at(-1);
    this.label.textContent = last && now - last[0] < 1
      ? (last[1] === null ? 'is no number' : last[1].toPrecision(2)) : '';
  }
}
