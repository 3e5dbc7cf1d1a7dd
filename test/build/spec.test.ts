/** The spec language: its JSON Schema and its reader agree; every release builds its shortest spec. */
import Ajv from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  buildDocument,
  contentsOfBuilt,
  documentSchema,
  filesIn,
  HANDOVER_SHAPE,
  jsonSchemaOf,
  readDocument,
} from '../../src/build/index.js';
import { openHandover, RECEIVERS } from '../../src/formats/kho/index.js';
import { bytesSource, openImage, writeMemory } from '../../src/memory/index.js';
import { BAD_SPECS } from './bad-specs.js';

const ajv = new Ajv.default({ strict: true, strictTypes: false, allowUnionTypes: true });
const validate = ajv.compile(documentSchema() as object);

/** Whether the reader takes a spec, whatever building then says. */
function isRead(source: string): boolean {
  try {
    readDocument(source);
    return true;
  } catch {
    return false;
  }
}
/** What editors see: JSON, or YAML as JSON. Undefined for what YAML itself refuses. */
function asJSON(source: string): unknown {
  try {
    return parse(source, { merge: true, logLevel: 'error' });
  } catch {
    return undefined;
  }
}

const GOOD = [
  '',
  '{}',
  'kernel: 7.2',
  'kernel: "7.2"',
  'sessions: []',
  'sessions:',
  'memory:',
  'metadata: false',
  'metadata: {previous_release: 7.3.0}',
  'liveupdate_num: 0x10',
  'liveupdate_num: "0xffffffffffffffff"',
  'page_size: 16 KiB',
  'sessions: [{name: a, files: [{token: 1, memfd: }]}]',
  'sessions: [{name: a, files: [{token: 1, memfd: {seals: [F_SEAL_GROW], contents: x}}]}]',
  'sessions: [{name: 7, files: [{token: 1, memfd: {seals: 0x1f, contents: [{hole: true, size: 1}]}}]}]',
  'blobs: {a: {contents: [{fill: random, size: 4, seed: 3}, {file: x}, {absent: true, size: 1}]}}',
  'memblock: {a: , b: {size: 1}}',
  'kho_test: {folios: [{}, {order: 1}]}',
  'passt:',
  'passt: {}',
  'passt: {flows: [{local: "[::1]:1", remote: "[::2]:2", tcpi_state: CLOSE_WAIT, events: [ESTABLISHED]}]}',
  'passt: {generation: v1, flows: [{local: a, remote: b, tcpi_state: 7, pif: [1, 2], tcpi_state: 0x7}]}'.replace(
    ', tcpi_state: 0x7',
    '',
  ),
];

describe('the JSON Schema', () => {
  it.each(GOOD)('takes %j, as the reader does', (source) => {
    expect(isRead(source)).toBe(true);
    expect(validate(asJSON(source)), JSON.stringify(validate.errors)).toBe(true);
  });

  // What only the text shows, or only building finds.
  const unseen: ReadonlySet<string> = new Set([
    'a kernel with a zero behind it',
    'a leading zero',
    'more than 64 bits',
  ]);
  const bad = BAD_SPECS.flatMap(([name, source]) => {
    const json = typeof source === 'string' ? asJSON(source) : undefined;
    return typeof source !== 'string' || json === undefined || unseen.has(name)
      ? []
      : [[name, source, json] as const];
  });
  it.each(bad)('agrees with the reader on %s', (name, source, json) => {
    // Syntax of which another parser takes more is not the schema's business.
    const isSyntax = ['YAML 1.1', 'a tag', 'a list within itself', 'a key that is a list'].includes(name);
    if (!isSyntax) expect(validate(json)).toBe(isRead(source));
  });
  it('refuses what it should, some of it', () => {
    expect(bad.filter(([, source]) => !isRead(source)).length).toBeGreaterThan(20);
  });
  it('is a valid schema for one shape, too', () => {
    expect(ajv.compile(jsonSchemaOf(HANDOVER_SHAPE, 'a handover') as object)({ kernel: '7.3' })).toBe(true);
  });
});

describe('the files that a spec names', () => {
  it('are those of its pieces, and no file of a session that a mapping names', () => {
    const source = `
sessions: [{name: vm, files: [{token: 1, memfd: {contents: [{text: a}, {file: one.bin}, {file: one.bin}]}}]}]
memblock: {file: {contents: [{file: two.bin}]}}
flbs:
  - iommu:
      domains: [{name: d, map: [{iova: 0, size: 4 KiB, file: vm/1}]}]
      devices: [{bdf: '0000:3a:01.0', domain: d}]
`;
    expect(filesIn(readDocument(source))).toEqual([
      { name: 'one.bin', path: 'sessions[0].files[0].memfd.contents[1].file' },
      { name: 'two.bin', path: 'memblock.file.contents[0].file' },
    ]);
    const stream = 'passt: {flows: [{remote: "192.0.2.1:1", send_queue: [{file: q.bin}]}]}';
    expect(filesIn(readDocument(stream))).toEqual([
      { name: 'q.bin', path: 'passt.flows[0].send_queue[0].file' },
    ]);
  });
});

const MACHINES = [
  ['x86_64', 4096],
  ['aarch64', 4096],
  ['aarch64', 16384],
  ['aarch64', 65536],
] as const;

/** What holds of a handover of nothing, whoever wrote it. */
const TRUE_OF_EMPTY: Readonly<Record<string, readonly string[]>> = {
  // A single bitmap of a page could be one of 512 bytes.
  '6.18': ['warning kho/map-ambiguous'],
  '6.19': ['note luo/flb-node'],
  '7.2': ['note luo/not-serialized'],
  '7.3': ['note luo/not-serialized'],
};

describe.each(RECEIVERS.map(({ release }) => release))('kernel: %s', (kernel) => {
  it.each(MACHINES)('on %s with pages of %i builds from nothing, soundly', (abi, page_size) => {
    const built = buildDocument(readDocument(`kernel: ${kernel}\nabi: ${abi}\npage_size: ${page_size}`));
    if (built.kind !== 'handover') throw new Error('this is a handover');
    expect(built.built.generations.release).toBe(kernel);
    const bytes = Buffer.concat([...writeMemory('elf', contentsOfBuilt(built.built))]);
    const { findings, value } = openHandover(openImage(bytesSource(new Uint8Array(bytes))), {
      // Older dumps that hold next to nothing do not tell.
      pageSize: page_size,
    });
    expect(findings.map(({ rule, severity }) => `${severity} ${rule}`)).toEqual(TRUE_OF_EMPTY[kernel] ?? []);
    expect(value.page_size).toBe(page_size);
  });
});
