#!/usr/bin/env python3
"""Shows dumps that the project writes to other tools, and keeps their answers in fixtures/memory/written.

makedumpfile reads the ELF core and the kdumps of an x86_64 machine and writes them anew; crash reads the
kernel's release from them; readelf and file read the headers of every width and byte order. What the tools
made of it is kept, and so are the dumps that they judged: the tests compare what is written today with these,
byte for byte, so that the judgement holds for it.

Run scripts/memory/install.sh first, and `npm ci`.
"""
import gzip
import os
import re
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, '..', '..')
OUT = os.path.join(ROOT, 'fixtures', 'memory', 'written')


def keep(name, content):
    with open(os.path.join(OUT, name + '.gz'), 'wb') as f:
        f.write(gzip.compress(content, 9, mtime=0))


def bundle(work):
    """Codec and memory as one module, from their sources."""
    entry = os.path.join(work, 'entry.ts')
    with open(entry, 'w') as f:
        for part in ('codec', 'memory'):
            path = os.path.join(os.path.abspath(ROOT), 'src', part, 'index.ts')
            f.write(f"export * from '{path}';\n")
    library = os.path.join(work, 'library.mjs')
    subprocess.run(['npx', 'rolldown', entry, '--file', library, '--platform', 'node'], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return library


def said(*words, cwd):
    done = subprocess.run(words, cwd=cwd, check=True, text=True, capture_output=True, env={**os.environ, 'LC_ALL': 'C'})
    return done.stdout


def main():
    os.makedirs(OUT, exist_ok=True)
    work = tempfile.mkdtemp()
    subprocess.run(['node', os.path.join(HERE, 'write-dumps.js'), bundle(work), work], check=True)
    answers = ''

    def answer(title, text):
        nonlocal answers
        answers += f'$ {title}\n{text.rstrip()}\n\n'

    written = sorted(name for name in os.listdir(work) if name.endswith(('.elf', '.kdump')))
    for name in written:
        answer(f'file {name}', said('file', name, cwd=work))
        if name == 'many.elf':
            text = said('readelf', '-hW', name, cwd=work)
            counts = re.findall(r'.*Number of program headers.*|.*Number of section headers.*', text)
            loads = said('readelf', '-lW', name, cwd=work).count('\n  LOAD ')
            answer(f'readelf -hlW {name}', '\n'.join([*counts, f'LOAD: {loads}']))
            continue
        if name.endswith('.elf'):
            text = said('readelf', '-hlnW', name, cwd=work)
            answer(f'readelf -hlnW {name}', re.sub(r'description data:.*', 'description data: …', text))
        with open(os.path.join(work, name), 'rb') as f:
            keep(name, f.read())

    for name in ('x86_64.elf', 'x86_64-stored.elf', 'x86_64.kdump', 'x86_64-none.kdump'):
        answer(f'crash --osrelease {name}', said('crash', '--osrelease', name, cwd=work))
        stem = name.replace('.', '-')
        for kind, words in (('zlib', ['-c', '-d', '1']), ('lzo', ['-l', '-d', '1']), ('elf', ['-E', '-d', '0'])):
            # It makes no ELF core of a kdump.
            if kind == 'elf' and not name.endswith('.elf'):
                continue
            target = f'makedumpfile-{kind}-of-{stem}'
            text = said('makedumpfile', *words, name, target, cwd=work)
            answer(f'makedumpfile {" ".join(words)} {name}', text.strip().split('\n')[-1])
            with open(os.path.join(work, target), 'rb') as f:
                keep(target, f.read())
    with open(os.path.join(OUT, 'answers.txt'), 'w') as f:
        f.write(answers.rstrip() + '\n')


main()
