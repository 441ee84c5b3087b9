"""Typed YAML: what it fills in, what it refuses, and in which words."""

from dataclasses import FrozenInstanceError, dataclass, field

import pytest
import yaml

from moto_core import config
from moto_core.config import config_file, explain_config, load_config, to_dict, to_yaml
from moto_core.errors import ConfigError
from moto_core.fields import Key, check, choice, list_keys, names, number, part
from moto_core.spec import Spec

BILLION_LAUGHS = b"""a: &a [lol, lol, lol, lol, lol, lol, lol, lol]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d]
name: [*e, *e, *e, *e, *e, *e, *e, *e]
"""


@dataclass(frozen=True)
class Wheel:
    """A wheel."""

    radius: float = number(0.3, '[m]', above=0, below=2)
    spokes: int = number(24, 'of steel', low=1)


@dataclass(frozen=True)
class Cart:
    name: str
    wheel: Wheel = part(Wheel)
    spare: Wheel | None = None
    load: list[float] = number([], '[kg]', low=0)
    wheels: dict[str, Wheel] = field(default_factory=dict)
    colour: str = choice('red', 'red', 'green', about='of the paint')
    tags: list[str] = names([], 'to be found by')
    sides: dict[str, int] = names({}, 'boards by name')


def test_defaults_then_sources_in_order_then_overrides(tmp_path):
    path = tmp_path / 'cart.yaml'
    path.write_text('name: red\nwheel: {radius: 0.4}\nload: [1, 2]\n')
    cart = load_config(Cart, path, {'wheel': {'spokes': 20}}, overrides=['wheel.radius=0.5'])
    assert cart == Cart('red', Wheel(0.5, 20), None, [1.0, 2.0])


def test_the_result_is_frozen():
    cart = load_config(Cart, {'name': 'red'})
    with pytest.raises(FrozenInstanceError):
        cart.name = 'blue'
    with pytest.raises(FrozenInstanceError):
        cart.wheel.radius = 1.0


def test_what_is_written_reads_back_the_same():
    cart = load_config(Cart, {'name': 'red', 'wheels': {'left': {'spokes': 3}}, 'load': [0.1]})
    assert load_config(Cart, yaml.safe_load(to_yaml(cart))) == cart
    assert load_config(Cart, to_dict(cart)) == cart
    assert list(to_dict(cart))[:5] == ['name', 'wheel', 'spare', 'load', 'wheels']


@pytest.mark.parametrize(
    ('override', 'says'),
    [
        ('nane=x', "unknown key 'nane'. Did you mean 'name'"),
        ('wheel.radus=1', "unknown key 'wheel.radus'. Did you mean 'wheel.radius'"),
        ('spare.spoke=1', "unknown key 'spare.spoke'. Did you mean 'spare.spokes'"),
        (
            'wheels.left.spoke=1',
            "unknown key 'wheels.left.spoke'. Did you mean 'wheels.left.spokes'",
        ),
        ('wheel.radius=big', "'wheel.radius=big': wheel.radius is 'big'; expected a number"),
        ('wheel.spokes=1e3', "wheel.spokes is '1e3'; expected a whole number, in digits"),
        ('wheel=3', "'wheel=3': wheel is 3; expected 'key: value' pairs"),
        ('wheel=null', "wheel is None; expected 'key: value' pairs"),
        ('wheels=[1]', "wheels is [1]; expected 'key: value' pairs"),
        ('load[0]=x', "Did you mean 'load'"),
        ('load={a: 1}', "load is {'a': 1}; expected a list"),
        ('load=abc', "load is 'abc'; expected a list: [abc]"),
        ('name=null', 'name has no value; expected one'),
        ('wheel', "is not 'key=value'"),
        ('=1', "is not 'key=value'"),
        ('load=[1, 2', "the value of 'load=[1, 2' is not valid YAML"),
        ('wheel.spokes=2.5', 'wheel.spokes is 2.5; expected a whole number'),
        ('wheel.spokes=.inf', 'wheel.spokes is inf; expected a whole number'),
        ('wheel.spokes=true', "wheel.spokes is 'True'; expected a whole number, in digits"),
        ('spare.radius=.nan', 'spare.radius is nan; expected a finite number'),
        ('wheels={left: {spokes: 0}}', 'wheels.left.spokes is 0; expected at least 1'),
        ('load=[1, 2, -3]', 'load[2] is -3; expected at least 0'),
        ('wheel.radius=0', 'wheel.radius is 0; expected above 0, below 2'),
        ('wheel.radius=2', 'wheel.radius is 2; expected above 0, below 2'),
        ('colour=gren', "'gren'. Did you mean 'green'? Valid: green, red"),
        ('tags=[a, B]', "tags[1] is 'B'; expected small letters, digits and _ only"),
        ('sides={"../x": 1}', "the name of sides is '../x'; expected small letters"),
        ('spokes=3', "unknown key 'spokes'. Did you mean 'wheel.spokes'"),
        ('name=${oc.env:HOME}', "name is '${oc.env:HOME}'; neither"),
        ('wheel.radius=${load}', 'neither'),
        ('name=a${b}', 'neither'),
        ('name=???', "name is '???'; neither"),
        ('na${me}=x', 'neither'),
        ('load=&a [1]', 'anchors and aliases'),
        ('wheel={spokes: 3, spokes: 4}', "the key 'spokes' comes twice"),
        ('wheel.spokes=' + '9' * 5000, 'wheel.spokes'),
        ('wheel.spokes=' + '9' * 30, 'expected a number of at most 63 bits'),
        ('wheel.spokes=' + '9' * 400, 'wheel.spokes has 400 digits; expected a number of at most'),
        ('wheel.radius=' + '9' * 400, 'wheel.radius'),
        ('load=' + '[' * 5000, 'nested more than 32 deep'),
        ('load=[' + '1,' * 30_000 + ']', 'more than 20000 values'),
        ('name=2020-13-45', 'is not valid YAML: month must be'),
        ('name=2020-12-24', 'name is a date; expected'),
        ('name=!!binary aGk=', 'name is a bytes; expected'),
        ('..=1', "unknown key ''"),
    ],
)
def test_a_bad_override_is_an_error_that_says_which(override, says):
    with pytest.raises(ConfigError) as caught:
        load_config(Cart, {'name': 'red'}, overrides=[override])
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_a_missing_value_is_an_error_that_names_it():
    with pytest.raises(ConfigError, match='name'):
        load_config(Cart)


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        (b'- a\n- b\n', "holds a value of type list; expected 'key: value'"),
        (b'name: [', 'is not valid YAML'),
        (b'\xff\xfe\x00', 'is not valid YAML'),
        (b'\x00', 'is not valid YAML'),
        (b'7', 'holds a value of type int'),
        (b'1: 2', 'the key 1 is not a text; quote it'),
        (b'yes: 2', 'the key True is not a text; quote it'),
        (b'? [1]\n: 2', 'is not valid YAML'),
        (b'name: a\nname: b', "the key 'name' comes twice"),
        (b'wheel:\n  spokes: 3\n  spokes: 3\n', "the key 'spokes' comes twice"),
        (b'wheel: {<<: {spokes: 3}}', "the merge key '<<' is not read"),
        (b'name: ${oc.env:HOME}', 'neither'),
        (b"wheels: {'${x}': {spokes: 3}}", 'neither'),
        (b'name: ???', 'neither'),
        (b'name: !!python/object/apply:os.getcwd []', 'is not valid YAML'),
        (b'name: ' + b'[' * 100_000, 'nested more than 32 deep'),
        (b'name: ' + b'x' * 300_000, 'larger than 256 KiB'),
        (BILLION_LAUGHS, 'anchors and aliases'),
        (b'name: a\n---\nname: b', 'is not valid YAML'),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, content, says):
    path = tmp_path / 'cart.yaml'
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(Cart, path)
    assert says in str(caught.value)
    assert 'cart.yaml' in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 600


def test_what_is_no_readable_file_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match='is a folder; expected a YAML file'):
        load_config(Wheel, tmp_path)
    for name in ('none.yaml', 'n' * 5000, 'a\0b'):
        with pytest.raises(ConfigError, match='no config file'):
            load_config(Wheel, tmp_path / name)
    with pytest.raises(ConfigError, match='no file'):
        config_file('robot', 'n' * 5000 + '.yaml')
    with pytest.raises(ConfigError, match='unknown robot config'):
        config_file('robot', 'n' * 5000)


@pytest.mark.parametrize(
    'data',
    [
        {'name': '${oc.env:HOME}'},
        {'name': '???'},
        {'wheel': {'${x}': 1}},
        {'load': ['${wheel.radius}']},
        {'name': b'red'},
        {1: 2},
    ],
)
def test_a_given_mapping_is_read_as_strictly_as_a_file(data):
    with pytest.raises(ConfigError, match='the given values'):
        load_config(Cart, {'name': 'red'}, data)


def test_a_mapping_that_holds_itself_is_refused():
    data = {'name': 'red', 'wheel': {}}
    data['wheel']['more'] = data
    with pytest.raises(ConfigError, match='nested more than 32 deep'):
        load_config(Cart, data)


def test_each_value_says_where_it_comes_from(tmp_path):
    path = tmp_path / 'cart.yaml'
    path.write_text('name: red\nwheel: {radius: 0.4}\n')
    found = explain_config(Cart, path, overrides=['wheel.radius=0.5', 'load=[1]'])
    assert [tuple(setting) for setting in found if setting.key != 'spare'] == [
        ('name', 'red', str(path)),
        ('wheel.radius', 0.5, 'override'),
        ('wheel.spokes', 24, 'default'),
        ('load', [1.0], 'override'),
        ('wheels', {}, 'default'),
        ('colour', 'red', 'default'),
        ('tags', [], 'default'),
        ('sides', {}, 'default'),
    ]


def test_the_keys_are_listed_with_default_and_meaning():
    keys = list_keys(Cart('red'))
    assert keys[1] == Key('wheel.radius', 0.3, '[m]', 'wheel')
    assert keys[2] == Key('wheel.spokes', 24, 'of steel', 'wheel')
    assert keys[6] == Key('colour', 'red', 'of the paint', '')


def test_a_dataclass_made_in_python_is_checked_by_the_same_rules():
    check(Cart('red'))
    with pytest.raises(ConfigError, match='wheel.spokes is 0; expected at least 1'):
        check(Cart('red', Wheel(spokes=0)))
    with pytest.raises(ConfigError, match='spare.radius is inf; expected a finite number'):
        check(Cart('red', spare=Wheel(radius=float('inf'))))


def test_an_empty_file_is_all_defaults(tmp_path):
    (tmp_path / 'wheel.yaml').write_text('')
    assert load_config(Wheel, tmp_path / 'wheel.yaml') == Wheel()


def test_a_missing_file_or_name_is_an_error_that_lists_the_shipped(tmp_path):
    with pytest.raises(ConfigError, match='no config file'):
        load_config(Wheel, tmp_path / 'none.yaml')
    shipped = "Did you mean 'fr3'. Valid: fer, fr3, fr3v2, kitchen_fr3, "
    shipped += 'kitchen_sim, kitchen_wrist, panda'
    with pytest.raises(ConfigError, match=shipped):
        config_file('robot', 'fr33')
    with pytest.raises(ConfigError, match='no file'):
        config_file('robot', str(tmp_path / 'mine.yaml'))
    assert config_file('robot', 'fr3').name == 'fr3.yaml'


@pytest.mark.parametrize('value', [[[], 1.0], [[[]], 1.0], [{}, 1.0]])
def test_a_list_in_place_of_a_lists_number_is_refused(value):
    data = {'joints': ['j1', 'j2'], 'action_scale': value}
    with pytest.raises(ConfigError, match='action_scale'):
        load_config(Spec, data)


def test_of_two_installations_each_reads_the_limits_that_came_with_its_code(tmp_path, monkeypatch):
    for name in ('workspace', 'venv'):
        (tmp_path / name / 'share/moto_ros/config/robot').mkdir(parents=True)
        (tmp_path / name / 'lib/python3.12/site-packages/moto_core').mkdir(parents=True)
    monkeypatch.setattr(config.sys, 'prefix', str(tmp_path / 'venv'))
    for name in ('workspace', 'venv'):
        code = tmp_path / name / 'lib/python3.12/site-packages/moto_core/config.py'
        monkeypatch.setattr(config, '__file__', str(code))
        assert config.share_dir() == tmp_path / name / 'share/moto_ros'
    monkeypatch.setattr(config, '__file__', '/elsewhere/moto_core/config.py')
    assert config.share_dir() == tmp_path / 'venv/share/moto_ros'
