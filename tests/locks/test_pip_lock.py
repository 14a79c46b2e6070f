from __future__ import annotations

from optparse import OptionParser, Values

from platform_images.locks.pip import in_pip_s_order, pins


def test_every_pin_has_its_version_its_hashes_and_its_lines() -> None:
    block = "a-b[extra]==1.0 \\\n    --hash=sha256:{0} \\\n    --hash=sha256:{1}\n    # via c"
    one = block.format("a" * 64, "b" * 64)
    first, second = pins(f"# head\n--only-binary :all:\n\n{one}\nc==2\n")
    assert (first.name, first.version, first.text) == ("a-b", "1.0", one)
    assert first.hashes == {"a" * 64, "b" * 64}
    assert (second.name, second.version, second.hashes) == ("c", "2", frozenset())


def test_the_rule_for_all_packages_stands_before_those_for_one() -> None:
    text = "# head\n--no-binary a\n--no-binary b\n--only-binary :all:\n\na==1\n"
    assert in_pip_s_order(text) == "# head\n--only-binary :all:\n--no-binary a\n--no-binary b\n\na==1\n"
    assert in_pip_s_order(in_pip_s_order(text)) == in_pip_s_order(text)
    assert in_pip_s_order("a==1\n") == "a==1\n"


def test_pip_itself_builds_from_source_what_the_lock_allows() -> None:
    """Read by pip as it reads a file of requirements: the last word about a package counts."""
    from pip._internal.cli.cmdoptions import no_binary, only_binary
    from pip._internal.models.format_control import FormatControl

    control, parser = FormatControl(set(), set()), OptionParser()
    parser.add_option(only_binary())
    parser.add_option(no_binary())
    lines = in_pip_s_order("--no-binary fbpca\n--only-binary :all:\n").split()
    parser.parse_args(lines, Values({"format_control": control}))
    assert control.get_allowed_formats("fbpca") == frozenset({"source"})
    assert control.get_allowed_formats("numpy") == frozenset({"binary"})
