"""Typed YAML: what it fills in, what it refuses, and in which words."""

from dataclasses import FrozenInstanceError, dataclass, field

import pytest
import yaml

from moto_core.config import config_file, load_config, to_dict, to_yaml
from moto_core.errors import ConfigError


@dataclass(frozen=True)
class Wheel:
    radius: float = 0.3
    spokes: int = 24


@dataclass(frozen=True)
class Cart:
    name: str
    wheel: Wheel = field(default_factory=Wheel)
    spare: Wheel | None = None
    load: list[float] = field(default_factory=list)
    wheels: dict[str, Wheel] = field(default_factory=dict)


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
    assert list(to_dict(cart)) == ['name', 'wheel', 'spare', 'load', 'wheels']


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
        ('wheel.radius=big', "'big'"),
        ('wheel=3', 'wheel=3'),
        ('load[0]=x', 'load'),
        ('load={a: 1}', 'load'),
        ('wheel', "is not 'key=value'"),
        ('=1', "is not 'key=value'"),
        ('load=[1, 2', 'the value is not YAML'),
    ],
)
def test_a_bad_override_is_an_error_that_says_which(override, says):
    with pytest.raises(ConfigError, match=says.replace('[', r'\[')):
        load_config(Cart, {'name': 'red'}, overrides=[override])


def test_a_missing_value_is_an_error_that_names_it():
    with pytest.raises(ConfigError, match='name'):
        load_config(Cart)


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        (b'- a\n- b\n', "holds a list; expected 'key: value'"),
        (b'name: [', 'is not valid YAML'),
        (b'\xff\xfe\x00', 'is not valid YAML'),
        (b'7', 'holds a int'),
        (b'1: 2', "unknown key '1'"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, content, says):
    path = tmp_path / 'cart.yaml'
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=says) as caught:
        load_config(Cart, path)
    assert 'cart.yaml' in str(caught.value)


def test_an_empty_file_is_all_defaults(tmp_path):
    (tmp_path / 'wheel.yaml').write_text('')
    assert load_config(Wheel, tmp_path / 'wheel.yaml') == Wheel()


def test_a_missing_file_or_name_is_an_error_that_lists_the_shipped(tmp_path):
    with pytest.raises(ConfigError, match='no config file'):
        load_config(Wheel, tmp_path / 'none.yaml')
    with pytest.raises(ConfigError, match="Did you mean 'fr3'. Valid: fr3, kitchen_sim, panda"):
        config_file('robot', 'fr33')
    with pytest.raises(ConfigError, match='no file'):
        config_file('robot', str(tmp_path / 'mine.yaml'))
    assert config_file('robot', 'fr3').name == 'fr3.yaml'
