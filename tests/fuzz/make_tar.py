#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/tar: archives of every form, whole, hostile and damaged (Python's tarfile; no packages): python3 make_tar.py, from tests/fuzz."""
import gzip
import io
import os
import tarfile

corpus = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "tar")
os.makedirs(corpus, exist_ok=True)


def write(name, data):
    with open(os.path.join(corpus, name), "wb") as f:
        f.write(data)


def archive(form, members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        for name, data, kind in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.size = len(data) if kind == tarfile.REGTYPE else 0
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = data.decode()
            tar.addfile(info, io.BytesIO(data) if kind == tarfile.REGTYPE else None)
    data = out.getvalue().rstrip(b"\0")
    return data + bytes(-len(data) % 512 + 1024)


plain = [("a", b"", tarfile.DIRTYPE), ("a/one.txt", b"1", tarfile.REGTYPE), ("a/two.txt", b"2" * 512, tarfile.REGTYPE),
         ("a/three.txt", b"3" * 1300, tarfile.REGTYPE), ("link", b"a/one.txt", tarfile.SYMTYPE), ("empty", b"", tarfile.REGTYPE)]
long = [("d" * 90 + "/" + "e" * 90 + "/" + "f" * 90 + ".txt", b"long", tarfile.REGTYPE), ("short", b"s", tarfile.REGTYPE)]
split = [("d" * 90 + "/" + "e" * 90, b"split", tarfile.REGTYPE)]
for name, form in (("ustar", tarfile.USTAR_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("pax", tarfile.PAX_FORMAT)):
    write(name, archive(form, plain + split))
    if form != tarfile.USTAR_FORMAT:
        write(name + "_long", archive(form, long))
whole = archive(tarfile.USTAR_FORMAT, plain)
write("gz", gzip.compress(whole, mtime=0))
write("cut_in_data", whole[:2200])
write("cut_in_header", whole[:700])
write("no_end", whole[: whole.index(b"link") // 512 * 512])
write("checksum", whole[:512] + b"b" + whole[513:3000])
write("text", b"this is no tar file" * 40)
write("empty", b"")
write("hostile", archive(tarfile.USTAR_FORMAT, [("../up", b"x", tarfile.REGTYPE), ("/root", b"x", tarfile.REGTYPE), ("a/../../b", b"x", tarfile.REGTYPE),
                                                ("a\nb", b"x", tarfile.REGTYPE)]))


def header(name, size, kind, magic=b"ustar\0" + b"00"):
    block = bytearray(512)
    block[0:len(name)] = name
    block[100:108] = b"0000644\0"
    block[124:136] = size
    block[148:156] = b" " * 8
    block[156:157] = kind
    block[257:257 + len(magic)] = magic
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


end = bytes(1024)
write("size_base_256", header(b"a", b"\x80" + (3).to_bytes(11, "big"), b"0") + b"abc" + bytes(509) + end)
write("size_huge", header(b"a", b"\x80" + b"\xff" * 11, b"0") + end)
write("size_largest", header(b"a", b"\x80" + (2 ** 63 - 1).to_bytes(11, "big"), b"0") + end)
write("size_negative", header(b"a", b"\xff" * 12, b"0") + end)
write("size_text", header(b"a", b"00000000xyz\0", b"0") + end)
write("no_name", header(b"", b"00000000000\0", b"0") + end)
write("old_form", header(b"a/", b"00000000000\0", b"\0", b"") + header(b"a/b", b"00000000001\0", b"\0", b"") + b"x" + bytes(511) + end)
for name, text in (("pax_bad_length", b"99999999 path=a\n"), ("pax_no_equals", b"10 patha\nx"), ("pax_zero", b"path=x\n"),
                   ("pax_nul", b"11 path=\0a\n"), ("pax_size", b"9 size=2\n"), ("pax_size_bad", b"10 size=-2\n")):
    write(name, header(b"x", b"%011o\0" % len(text), b"x") + text + bytes(512 - len(text)) + header(b"y", b"00000000001\0", b"0") + b"zz" + bytes(510) + end)
write("long_name_huge", header(b"x", b"77777777777\0", b"L") + end)
write("global", header(b"x", b"%011o\0" % 9, b"g") + b"9 size=2\n" + bytes(503) + header(b"y", b"00000000001\0", b"0") + b"z" + bytes(511) + end)
