/** `carryover graph`: Graphviz of the distribution and the one that is built in draw the same objects. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/context.js';
import { svgOf } from '../../src/cli/graph-svg.js';
import { writeElfCore } from '../../src/memory/index.js';
import { Machine } from '../formats/machine.js';
import { makeShell } from './shell.js';

const shell = await makeShell();
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A handler whose name is to get out of its quotes. */
const HOSTILE = 'x" ]; y [label="\\l<b>&lt;\u0001{|}\u00e9';
function hostile(): Uint8Array {
  const on = new Machine();
  on.file(HOSTILE, 0x1000);
  const { pages } = on.build().memory;
  const segments = [...pages]
    .sort(([a], [b]) => a - b)
    .map(([index, bytes]) => ({ address: BigInt(index * 4096), bytes }));
  return Buffer.concat([...writeElfCore({ endian: 'little', bits: 64, elfMachine: 62, segments })]);
}
shell.files.set('hostile.elf', hostile());

async function written(line: string): Promise<string> {
  const { out, err, exit } = await shell.line(line);
  expect([err, exit]).toEqual(['', 0]);
  return text(out);
}
const titles = (svg: string): string =>
  `${[...svg.matchAll(/<g id="[^"]*" class="(\w+)[^"]*">\s*<title>([^<]*)<\/title>/g)]
    .map(([, kind, title = '']) => `${kind} ${title.replaceAll('&#45;', '-')}`)
    .sort()
    .join('\n')}\n`;

describe.each([
  ['host', 'iommu.elf'],
  ['hostile', 'hostile.elf'],
])('%s', (name, file) => {
  const dotFile = new URL(`graphs/${name}.dot`, import.meta.url);
  const titlesFile = new URL(`graphs/${name}.titles`, import.meta.url);
  it('is what the golden is', async () => {
    const dot = await written(`carryover graph ${file}`);
    if (process.env.UPDATE === '1') {
      writeFileSync(dotFile, dot);
      if (existsSync('/usr/bin/dot'))
        writeFileSync(titlesFile, titles(text(execFileSync('/usr/bin/dot', ['-Tsvg'], { input: dot }))));
    }
    expect(dot).toBe(readFileSync(dotFile, 'utf8'));
  });
  it('is drawn as the Graphviz of Debian draws it', async () => {
    const svg = await written(`carryover graph ${file} --format svg`);
    expect(svg).toMatch(/^<\?xml[\s\S]*<svg [\s\S]*<\/svg>\s*$/);
    expect(titles(svg)).toBe(readFileSync(titlesFile, 'utf8'));
    const dot = readFileSync(dotFile, 'utf8');
    const edges = dot.split('\n').filter((line) => /^ {2}"[^[]*(\[\d+\][^[]*)*" -> "/.test(line));
    expect(edges.length).toBeGreaterThan(1);
    expect([...svg.matchAll(/class="edge"/g)].length).toBe(edges.length);
  });
});

it('a name is text in the picture, whatever it contains', async () => {
  const svg = await written('carryover graph hostile.elf --format svg');
  expect(svg).toContain('>x&quot; ]; y [label=&quot;\\l&lt;b&gt;&amp;lt;\\x01{|}');
});

it('the ending of the file says the format', async () => {
  await written('carryover graph iommu.elf -o out.svg');
  await written('carryover graph iommu.elf -o out.gv');
  await written('carryover graph iommu.elf -o out.json');
  const file = (name: string): string => text(shell.files.get(name) ?? new Uint8Array());
  expect(file('out.svg')).toContain('</svg>');
  expect(file('out.gv')).toBe(await written('carryover graph iommu.elf --format dot'));
  const { nodes, edges } = JSON.parse(file('out.json')) as {
    nodes: { id: string; address?: string }[];
    edges: { from: string; to: string }[];
  };
  expect(nodes.find(({ id }) => id === 'entries.LUO.flbs[0].iommu.devices[0]')?.address).toBe('0x1002010');
  const ids = new Set(nodes.map(({ id }) => id));
  expect(edges.every(({ from, to }) => ids.has(from) && ids.has(to))).toBe(true);
});

it('without the package that draws, SVG is refused, and told what to do', async () => {
  const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' });
  const drawn = svgOf('digraph {}', () => Promise.reject(missing));
  await expect(drawn).rejects.toThrow(UsageError);
  await expect(drawn).rejects.toThrow(/npm install @viz-js\/viz/);
});
