#!/usr/bin/env python3
"""Makes the dumps of fixtures/memory, without any code of the project.

A small x86_64 vmcore is put together here: a few pages of memory, page tables and a utsname, because
makedumpfile looks for the kernel's release through them. makedumpfile turns it into its formats; those that
Debian's makedumpfile was built without (snappy, zstd), and those that no tool at hand writes (32 bits,
big-endian, LiME, AVML), are written here, with the reference libraries as compressors.

Run scripts/memory/install.sh first. The output is the same each time, but for times that makedumpfile notes.
"""
import ctypes
import gzip
import json
import os
import struct
import subprocess
import tempfile
import zlib

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'fixtures', 'memory')
PAGE = 4096


def noise(seed, size):
    out = bytearray()
    x = seed
    while len(out) < size:
        x = (x * 1103515245 + 12345) & 0xFFFFFFFF
        out.append(x >> 16 & 0xFF)
    return bytes(out)


def text_page(seed):
    words = b'the quick brown fox jumps over the lazy dog %d ' % seed
    return (words * (PAGE // len(words) + 1))[:PAGE]


def utsname():
    fields = [b'Linux', b'carryover', b'7.2.13', b'#1 SMP', b'x86_64', b'(none)']
    return b''.join(f.ljust(65, b'\0') for f in fields).ljust(PAGE, b'\0')


def table(entries):
    page = bytearray(PAGE)
    for index, value in entries.items():
        struct.pack_into('<Q', page, index * 8, value)
    return bytes(page)


# Physical address -> page. Pages 0x2004..0x2005 lie behind each other and compress; 0x2001 is zero.
PAGES = {
    0x2000000: utsname(),
    0x2001000: bytes(PAGE),
    0x2002000: noise(1, PAGE),
    0x2003000: noise(2, PAGE),
    0x2004000: text_page(4),
    0x2005000: bytes(4000) + noise(5, 96),
    0x2080000: text_page(6),
    0x2081000: bytes(PAGE),
    0x3000000: table({511: 0x3001067}),
    0x3001000: table({510: 0x3002067}),
    0x3002000: table({16: 0x20000E7, 24: 0x30000E7}),
    0x3003000: bytes(i * 7 & 255 for i in range(PAGE)),
}

VMCOREINFO = b'''OSRELEASE=7.2.13
PAGESIZE=4096
SYMBOL(init_uts_ns)=ffffffff82000000
OFFSET(uts_namespace.name)=0
SYMBOL(_stext)=ffffffff81000000
SYMBOL(swapper_pg_dir)=ffffffff83000000
SYMBOL(init_top_pgt)=ffffffff83000000
SYMBOL(mem_map)=ffffffff83003000
SIZE(page)=64
OFFSET(page.flags)=0
OFFSET(page._refcount)=52
OFFSET(page.mapping)=24
OFFSET(page.lru)=8
NUMBER(phys_base)=0
NUMBER(KERNEL_IMAGE_SIZE)=1073741824
KERNELOFFSET=0
CRASHTIME=1700000000
'''


def note(name, kind, content, order='<'):
    name = name + b'\0'
    pad = lambda b: b + bytes(-len(b) % 4)
    return struct.pack(order + 'III', len(name), len(content), kind) + pad(name) + pad(content)


def segments():
    runs = []
    for address in sorted(PAGES):
        if runs and runs[-1][0] + len(runs[-1][1]) == address:
            runs[-1][1] += PAGES[address]
        else:
            runs.append([address, bytearray(PAGES[address])])
    return runs


def vmcore():
    """As /proc/vmcore writes it: one note segment, page-aligned memory, direct-map addresses."""
    notes = note(b'CORE', 1, bytes(336)) + note(b'VMCOREINFO', 0, VMCOREINFO)
    runs = segments()
    count = len(runs) + 1
    note_at = PAGE
    at = 2 * PAGE
    phdrs = struct.pack('<IIQQQQQQ', 4, 0, note_at, 0, 0, len(notes), len(notes), 4)
    body = notes.ljust(PAGE, b'\0')
    for address, content in runs:
        phdrs += struct.pack('<IIQQQQQQ', 1, 7, at, 0xFFFF888000000000 + address, address, len(content), len(content), 0)
        body += content
        at += len(content)
    ehdr = b'\x7fELF\x02\x01\x01' + bytes(9) + struct.pack('<HHIQQQIHHHHHH', 4, 62, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    return (ehdr + phdrs).ljust(PAGE, b'\0') + body


# --- reference compressors ---------------------------------------------------------------------------------

def lzo_compress(data):
    lib = ctypes.CDLL('liblzo2.so.2')
    out = ctypes.create_string_buffer(len(data) + len(data) // 16 + 67)
    size = ctypes.c_size_t(len(out))
    work = ctypes.create_string_buffer(16384 * 8)
    assert lib.lzo1x_1_compress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(size), work) == 0
    return out.raw[:size.value]


def snappy_compress(data):
    lib = ctypes.CDLL('libsnappy.so.1')
    out = ctypes.create_string_buffer(32 + len(data) + len(data) // 6)
    size = ctypes.c_size_t(len(out))
    assert lib.snappy_compress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(size)) == 0
    return out.raw[:size.value]


def zstd_compress(data):
    lib = ctypes.CDLL('libzstd.so.1')
    lib.ZSTD_compress.restype = ctypes.c_size_t
    out = ctypes.create_string_buffer(len(data) + 1024)
    size = lib.ZSTD_compress(out, ctypes.c_size_t(len(out)), data, ctypes.c_size_t(len(data)), 1)
    return out.raw[:size]


COMPRESSORS = {1: zlib.compress, 2: lzo_compress, 4: snappy_compress, 0x20: zstd_compress}


# --- kdump -------------------------------------------------------------------------------------------------

def kdump(kinds, bits=64, order='<', padded=False, version=6, base=0):
    """One page after the other with the next of the kinds of compression; excluded: page 0x2081000."""
    long = 'Q' if bits == 64 else 'I'
    first = min(PAGES)
    pages = {(a - first + base) // PAGE: c for a, c in PAGES.items() if a < first + 0x100000}
    last = max(pages)
    max_mapnr = last + 2
    half = PAGE * (-(-max_mapnr // (8 * PAGE)))
    header = b'KDUMP   ' + struct.pack(order + 'i', version)
    header += b'Linux'.ljust(65, b'\0') + b'carryover'.ljust(65, b'\0') + b'7.2.13'.ljust(65, b'\0') + bytes(65)
    machine = {(64, '<'): b'x86_64', (64, '>'): b's390x', (32, '<'): b'armv7l' if padded else b'i686', (32, '>'): b'ppc'}
    header += machine[bits, order].ljust(65, b'\0') + bytes(65)
    header = header.ljust(408 if bits == 64 else 404, b'\0') + struct.pack(order + long * 2, 0, 0)
    header += struct.pack(order + 'IiiIIIIIIi', kinds[0], PAGE, 1, 2 * half // PAGE, max_mapnr, 0, 0, 0, 0, 1)
    sub = struct.pack(order + long + 'ii' + long * 2, 0, 0, 0, 0, 0)

    def wide(form, *values):
        nonlocal sub
        if bits == 64 or padded:
            sub += bytes(-len(sub) % 8)
        sub += struct.pack(order + form, *values)

    info = VMCOREINFO
    blob = note(b'VMCOREINFO', 0, info, order)
    size = 104 if bits == 64 else 96 if padded else 80
    wide('q' + long, PAGE + size + 24, len(info))
    wide('q' + long, PAGE + size, len(blob))
    wide('q' + long, 0, 0)
    wide('QQQ', 0, 0, max_mapnr)
    assert len(sub) == size, (len(sub), size)
    one, two = bytearray(half), bytearray(half)
    descriptors, data = b'', b''
    stored = [p for p in sorted(pages) if pages[p] != PAGES.get(0x2081000) or p != last]
    at = PAGE * 2 + 2 * half + 24 * len(stored)
    for index, page in enumerate(sorted(pages)):
        one[page >> 3] |= 1 << (page & 7)
    for index, page in enumerate(stored):
        two[page >> 3] |= 1 << (page & 7)
        kind = kinds[index % len(kinds)]
        packed = COMPRESSORS[kind](pages[page])
        if len(packed) >= PAGE:
            kind, packed = 0, pages[page]
        descriptors += struct.pack(order + 'qIIQ', at + len(data), len(packed), kind, 0)
        data += packed
    out = header.ljust(PAGE, b'\0') + (sub + blob).ljust(PAGE, b'\0') + bytes(one) + bytes(two) + descriptors + data
    return out


# --- LiME and AVML -----------------------------------------------------------------------------------------

def lime(order):
    out = b''
    for address, content in segments():
        out += struct.pack(order + 'IIQQQ', 0x4C694D45, 1, address, address + len(content) - 1, 0) + content
    return out


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def avml():
    out = b''
    for address, content in segments():
        frames = b'\xff\x06\x00\x00sNaPpY'
        for start in range(0, len(content), 8192):
            chunk = bytes(content[start:start + 8192])
            packed = snappy_compress(chunk)
            kind = 0
            if len(packed) >= len(chunk) * 7 // 8:
                kind, packed = 1, chunk
            frames += bytes([kind]) + struct.pack('<I', len(packed) + 4)[:3] + struct.pack('<I', masked(chunk)) + packed
        out += struct.pack('<IIQQQ', 0x4C4D5641, 2, address, address + len(content) - 1, 0)
        out += frames + struct.pack('<Q', len(frames))
    return out


def streams():
    """Blocks of 4, 16 and 64 KiB that make the compressors use all they have: short and long matches, near and
    far ones, runs, literals of every length."""
    out = []
    for size in (4096, 16384, 65536):
        far = noise(9, 1500)
        contents = [
            noise(7, 1000) + bytes(size - 1000),
            bytes(size),
            (noise(8, 300) * (size // 300 + 1))[:size],
            far + text_page(2)[:100] * ((size - 3100) // 100) + bytes((size - 3100) % 100 + 100) + far,
            (far + text_page(1) * 16)[:size],
            b''.join(noise(i, i % 37) + bytes([i & 255]) * (i % 19) + b'abcdefgh' for i in range(size // 20))[:size].ljust(size, b'x'),
            b''.join((text_page(i)[: i % 600] + far[i * 31 % 1000:][: i % 90]) for i in range(size // 30))[:size].ljust(size, b'y'),
        ]
        for content in contents:
            for name, kind in (('zlib', 1), ('lzo', 2), ('snappy', 4), ('zstd', 0x20)):
                packed = COMPRESSORS[kind](content)
                out.append({'algorithm': name, 'size': size, 'crc': '%08x' % zlib.crc32(content), 'stream': packed.hex()})
    return json.dumps(out).encode()


def write(name, content):
    with open(os.path.join(OUT, name + '.gz'), 'wb') as f:
        f.write(gzip.compress(content, 9, mtime=0))


def main():
    os.makedirs(OUT, exist_ok=True)
    work = tempfile.mkdtemp()
    source = os.path.join(work, 'vmcore')
    with open(source, 'wb') as f:
        f.write(vmcore())
    write('vmcore.elf', vmcore())
    with open(os.path.join(OUT, 'pages.json'), 'w') as f:
        # What every dump of the folder holds: CRC-32 by address.
        json.dump({hex(a): '%08x' % zlib.crc32(c) for a, c in PAGES.items()}, f, indent=2)
        f.write('\n')

    def run(name, *words):
        target = os.path.join(work, name)
        subprocess.run(['makedumpfile', *words, source, target], check=True, stdout=subprocess.DEVNULL)
        with open(target, 'rb') as f:
            write(name, f.read())

    run('makedumpfile-zlib.kdump', '-c', '-d', '0')
    run('makedumpfile-lzo.kdump', '-l', '-d', '0')
    run('makedumpfile-raw.kdump', '-d', '0')
    run('makedumpfile-zero.kdump', '-c', '-d', '1')
    run('makedumpfile-elf.elf', '-E', '-d', '1')
    for name, words in (('makedumpfile-flat.kdump', ['-F', '-c', '-d', '1']), ('makedumpfile-flat.elf', ['-F', '-E', '-d', '0'])):
        out = subprocess.run(['makedumpfile', *words, source], check=True, capture_output=True).stdout
        write(name, out)
    parts = [os.path.join(work, f'makedumpfile-split-{i}.kdump') for i in (1, 2, 3)]
    subprocess.run(['makedumpfile', '--split', '-c', '-d', '0', source, *parts], check=True, stdout=subprocess.DEVNULL)
    for part in parts:
        with open(part, 'rb') as f:
            write(os.path.basename(part), f.read())

    write('streams.json', streams())
    write('mixed.kdump', kdump([1, 2, 4, 0x20]))
    write('snappy.kdump', kdump([4]))
    write('zstd.kdump', kdump([0x20]))
    write('s390x.kdump', kdump([1], 64, '>'))
    write('i686.kdump', kdump([2], 32, '<'))
    write('arm.kdump', kdump([1], 32, '<', padded=True))
    write('ppc.kdump', kdump([1], 32, '>', padded=True))
    write('little.lime', lime('<'))
    write('big.lime', lime('>'))
    write('compressed.avml', avml())


main()
