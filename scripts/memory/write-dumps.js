// Writes the memory of the golden dumps with the project's own writers, for judge-writers.py to show them to
// other tools. Arguments: the bundled library (codec and memory in one file), and the folder to write to.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';

const [library = '', folder = ''] = process.argv.slice(2);
const { ABI, bytesSource, machineOfABI, openImage, segmentsOf, writeMemory } = await import(
  pathToFileURL(library).href
);

function write(name, container, memory, options) {
  writeFileSync(join(folder, name), Buffer.concat([...writeMemory(container, memory, options)]));
}

const golden = new URL('../../fixtures/memory/makedumpfile-zero.kdump.gz', import.meta.url);
const image = openImage(bytesSource(new Uint8Array(gunzipSync(readFileSync(golden)))));
const memory = segmentsOf(image);
write('x86_64.elf', 'elf', memory);
write('x86_64-stored.elf', 'elf', memory, { storeZeros: true });
write('x86_64.kdump', 'kdump', memory);
write('x86_64-none.kdump', 'kdump', memory, { compression: 'none' });

// The same headers as machines of other widths and byte orders write them, which only readelf and file know.
for (const name of ['s390x', 'aarch64', 'arm', 'i386', 'powerpc']) {
  const { notes, vmcoreinfo } = memory;
  const small = { address: 0x1000n, size: 0x3000n, content: new Uint8Array(0x1800).fill(7) };
  const other = {
    machine: machineOfABI(ABI[name]),
    pageSize: 4096,
    segments: [small, { address: 0x8000n, size: 0x1000n }],
    notes: notes.filter((note) => note.name === 'VMCOREINFO'),
    vmcoreinfo,
  };
  write(`${name}.elf`, 'elf', other);
  write(`${name}.kdump`, 'kdump', other);
}

// More segments than e_phnum can count.
const segments = Array.from({ length: 70_000 }, (_, i) => ({ address: BigInt(i) * 0x2000n, size: 0x1000n }));
write('many.elf', 'elf', { machine: machineOfABI(ABI.x86_64), segments });
