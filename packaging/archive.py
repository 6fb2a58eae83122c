"""A .tar.gz that depends on nothing but the files in it: sorted, of one time and one owner, with plain modes."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path


def write(target: Path, folder: Path, time: int) -> None:
    """The folder and everything in it, under the folder's own name."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        member.mtime = time
        if not member.issym():
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
        return member

    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=time) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive,
    ):
        # tarfile adds what is in a folder in the order of the names.
        archive.add(folder, folder.name, filter=plain)
