// The cameras: each one's newest image, its age, and why there is none.

const OLD = 0.5; // [s]

export class Cameras {
  constructor(section, shown) {
    Object.assign(this, { section, shown });
    this.figures = [];
  }

  // Takes an image: the camera's index in the first byte, then a JPEG.
  picture(data) {
    const index = new Uint8Array(data, 0, 1)[0];
    const figure = this.figures[index];
    if (!figure) return;
    const url = URL.createObjectURL(new Blob([new Uint8Array(data, 1)], { type: 'image/jpeg' }));
    const image = figure.querySelector('img');
    const free = () => { URL.revokeObjectURL(url); this.shown(index); };
    image.onload = image.onerror = free;
    image.src = url;
  }

  told({ cameras, image_problems: problems, told }) {
    if (this.figures.length !== cameras.length) this.make(cameras);
    cameras.forEach((name, index) => {
      const stream = told.streams.find((one) => one.name === `camera ${name}`);
      const old = stream.age === null || stream.age > OLD;
      const figure = this.figures[index];
      figure.classList.toggle('old', old);
      figure.classList.toggle('none', !figure.querySelector('img').src);
      const words = stream.age === null ? 'no image yet'
        : old ? `frozen: this image is ${stream.age.toFixed(1)} s old`
          : `${stream.rate.toFixed(1)} Hz`;
      figure.querySelector('figcaption').textContent =
        [`camera ${name}`, words, problems[name]].filter(Boolean).join(' · ');
    });
  }

  make(cameras) {
    this.figures = cameras.map((name) => {
      const figure = document.createElement('figure');
      const image = document.createElement('img');
      image.alt = `live image of camera ${name}`;
      figure.append(image, document.createElement('figcaption'));
      return figure;
    });
    this.section.replaceChildren(...this.figures);
    cameras.forEach((_, index) => this.shown(index));
  }
}
