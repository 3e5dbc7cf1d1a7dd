/** Dumps of our writers that other tools were shown, and what these made of them (scripts/memory/judge-writers.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  bytesSource,
  openImage,
  segmentsOf,
  type WritableContainer,
  type WriterOptions,
  writeMemory,
} from '../../src/memory/index.js';
import { absentAt, bytesAt, crc32, fixturePath, openFixture, PAGES, unzipped } from './fixtures.js';

const answers = new Map(
  readFileSync(fixturePath('memory/written/answers.txt'), 'utf8')
    .split(/^\$ /m)
    .slice(1)
    .map((each) => {
      const [command = '', ...lines] = each.trimEnd().split('\n');
      return [command, lines.join('\n')] as const;
    }),
);

describe('what was judged is what is written today', () => {
  const judged = ['x86_64', 's390x', 'aarch64', 'arm', 'i386', 'powerpc'].flatMap((name) => [
    [`${name}.elf`, 'elf', {}] as const,
    [`${name}.kdump`, 'kdump', {}] as const,
  ]);
  it.each<readonly [string, WritableContainer, WriterOptions[WritableContainer]]>([
    ...judged,
    ['x86_64-none.kdump', 'kdump', { compression: 'none' }],
    ['x86_64-stored.elf', 'elf', { storeZeros: true }],
  ])('%s', (name, container, options) => {
    const bytes = unzipped(`memory/written/${name}`);
    const image = openImage(bytesSource(bytes));
    expect(image.problems).toEqual([]);
    expect(image.vmcoreinfo()?.release).toBe('7.2.13');
    // Where zeros are stored, they are no longer told from other bytes.
    const from = name === 'x86_64-stored.elf' ? openFixture('memory/written/x86_64.elf') : image;
    const again = Buffer.concat([...writeMemory(container, segmentsOf(from), options)]);
    expect(again.equals(bytes)).toBe(true);
  });
});

describe('makedumpfile', () => {
  it.each(
    ['x86_64.elf', 'x86_64-stored.elf', 'x86_64.kdump', 'x86_64-none.kdump'].flatMap((name) => [
      [name, 'zlib', '-c -d 1'] as const,
      [name, 'lzo', '-l -d 1'] as const,
      ...(name.endsWith('.elf') ? [[name, 'elf', '-E -d 0'] as const] : []),
    ]),
  )('reads %s, and writes the same memory as %s', (name, kind, words) => {
    expect(answers.get(`makedumpfile ${words} ${name}`)).toBe('makedumpfile Completed.');
    const stem = name.replace('.', '-');
    const image = openFixture(`memory/written/makedumpfile-${kind}-of-${stem}`);
    expect(image.problems).toEqual([]);
    const zero = crc32(new Uint8Array(4096));
    // What an ELF core has in memory but not in the file, makedumpfile takes for left out when it makes a kdump.
    for (const [address, crc] of PAGES)
      if (name === 'x86_64.elf' && kind !== 'elf' && crc === zero)
        expect(absentAt(image, address)).toBe('excluded');
      else expect([address, crc32(bytesAt(image, address, 4096))]).toEqual([address, crc]);
    expect(absentAt(image, 0x2006000n)).toBe('not-in-dump');
    expect(image.notes().map((note) => note.name)).toContain('VMCOREINFO');
    expect(image.vmcoreinfo()?.text).toBe(openFixture('memory/vmcore.elf').vmcoreinfo()?.text);
  });
});

it.each(['x86_64.elf', 'x86_64-stored.elf', 'x86_64.kdump', 'x86_64-none.kdump'])(
  'crash reads the release of the kernel from %s',
  (name) => {
    expect(answers.get(`crash --osrelease ${name}`)).toBe('7.2.13');
  },
);

describe('readelf and file', () => {
  it.each([
    ['x86_64', 'ELF64', 'little', 'Advanced Micro Devices X86-64'],
    ['aarch64', 'ELF64', 'little', 'AArch64'],
    ['s390x', 'ELF64', 'big', 'IBM S/390'],
    ['arm', 'ELF32', 'little', 'ARM'],
    ['i386', 'ELF32', 'little', 'Intel 80386'],
    ['powerpc', 'ELF32', 'big', 'PowerPC'],
  ])('see a core of %s', (name, elfClass, endian, machine) => {
    const text = answers.get(`readelf -hlnW ${name}.elf`) ?? '';
    expect(text).toMatch(new RegExp(`Class: +${elfClass}\n`));
    expect(text).toMatch(new RegExp(`Data: +2's complement, ${endian} endian\n`));
    expect(text).toMatch(new RegExp(`Machine: +${machine}\n`));
    expect(text).toMatch(/Type: +CORE \(Core file\)\n/);
    expect(text).toMatch(/\n +NOTE .*\n +LOAD /);
    expect(text).not.toMatch(/warning|error/i);
    expect(text).toMatch(/VMCOREINFO +0x000001b5/);
    // A segment of which half is stored, or none.
    if (name !== 'x86_64') {
      expect(text).toMatch(/LOAD +0x001000 (0x0+) 0x0*1000 0x0*1800 0x0*3000 RWE 0\n/);
      expect(text).toMatch(/LOAD +0x003000 (0x0+) 0x0*8000 0x0+ 0x0*1000 RWE 0\n/);
    }
  });
  it('count more segments than the header can', () => {
    const text = answers.get('readelf -hlW many.elf');
    expect(text).toMatch(
      /Number of program headers: +65535 \(70000\)\n.*Number of section headers: +1\nLOAD: 70000$/,
    );
  });
  it.each([
    ['x86_64', 'x86_64'],
    ['aarch64', 'aarch64'],
    ['arm', 'armv7l'],
    ['i386', 'i686'],
  ])('see a kdump of %s', (name, machine) => {
    expect(answers.get(`file ${name}.kdump`)).toBe(
      `${name}.kdump: Kdump compressed dump v6, system Linux, release 7.2.13, machine ${machine}`,
    );
  });
});
