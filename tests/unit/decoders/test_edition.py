"""The digest by which frames that wait for a decoder know a new one."""

from pathlib import Path

from decoders.edition import digest_of, edition


def test_every_change_of_code_or_devices_makes_another_edition(tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    code, device = tmp_path / "link.py", tmp_path / "devices" / "meter.toml"
    code.write_text("pass\n")
    device.write_text("[detect]\n")
    seen = {digest_of(tmp_path)}
    (tmp_path / "link.pyc").write_bytes(b"compiled")
    assert digest_of(tmp_path) in seen
    device.write_text("[detect]\nmanufacturer = 'ABC'\n")
    seen.add(digest_of(tmp_path))
    code.write_text("...\n")
    seen.add(digest_of(tmp_path))
    device.rename(tmp_path / "devices" / "other.toml")
    seen.add(digest_of(tmp_path))
    assert len(seen) == 4
    assert len(edition()) == 16
