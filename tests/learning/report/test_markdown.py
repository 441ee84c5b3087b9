from moto_learning.report import markdown


def test_hostile_words_stay_words():
    assert markdown.plain('a|b <img> `c` [d](e) *f*\ng') == (
        r'a\|b &lt;img> \`c\` \[d\](e) \*f\* g'
    )
    assert markdown.table(['a', 'b'], [['x|y', 3]]) == '| a | b |\n| --- | --- |\n| x\\|y | 3 |\n'
    assert markdown.picture('of [it]', 'images/it.svg') == r'![of \[it\]](images/it.svg)'
    assert markdown.heading('<b>') == '**&lt;b>**\n\n'
