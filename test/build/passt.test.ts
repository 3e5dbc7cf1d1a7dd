/** Streams of passt from specs: sound by default, and there and back without a loss. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildDocument,
  buildPasst,
  type FlowSpec,
  PASST_BUILDS,
  type PasstSpec,
  readDocument,
  specOfPasst,
  specText,
} from '../../src/build/index.js';
import { open, parseABI } from '../../src/state/index.js';
import { CAPTURES, capture } from '../formats/passt/streams.js';
import { runs, SEED } from '../laws/seed.js';

const SHORT: FlowSpec = { local: '192.0.2.2:22', remote: '192.0.2.1:40000' };

function findings(spec: PasstSpec): string[] {
  const { generation = 'v2', abi } = spec;
  const state = open(buildPasst(spec), {
    as: `passt@${generation}`,
    abi: abi === undefined ? undefined : parseABI(abi),
  });
  return state.findings.map(({ rule, path, message }) => `${rule} ${path} ${message}`);
}
function throughText(spec: PasstSpec): Uint8Array {
  const document = readDocument(specText({ passt: spec }));
  const built = buildDocument(document);
  if (built.kind !== 'passt') throw new Error('this is no stream');
  return built.bytes;
}

describe('the shortest spec', () => {
  it.each<readonly [string, PasstSpec]>([
    ['of nothing', {}],
    ['of an inbound flow', { flows: [SHORT] }],
    [
      'of an outbound flow',
      { flows: [{ direction: 'outbound', guest: '192.0.2.2:40000', remote: '198.51.100.9:443' }] },
    ],
    ['of IPv6', { flows: [{ local: '[2001:db8::2]:22', remote: '[2001:db8::1]:40000' }] }],
    ['of a link-local flow', { flows: [{ local: '[fe80::2]:22', remote: '[fe80::1]:40000' }] }],
    [
      'of queues',
      { flows: [{ ...SHORT, send_queue: 'abc', receive_queue: [{ fill: 'random', size: 100000 }] }] },
    ],
    ['of a big-endian source', { abi: 's390x', flows: [SHORT] }],
    ...['FIN_WAIT1', 'FIN_WAIT2', 'CLOSE', 'CLOSE_WAIT', 'LAST_ACK', 'CLOSING'].map(
      (tcpi_state) => [`of state ${tcpi_state}`, { flows: [{ ...SHORT, tcpi_state }] }] as const,
    ),
    ...[0, 1, 2, 3, 4, 6, 7]
      .filter((o) => (o & 3) !== 1)
      .map(
        (tcpi_options) => [`of options ${tcpi_options}`, { flows: [{ ...SHORT, tcpi_options }] }] as const,
      ),
  ])('%s is a stream that a target resumes, without findings', (_, spec) => {
    expect(findings(spec)).toEqual([]);
    const { verdict } = open(buildPasst(spec));
    const flows = spec.flows?.length ?? 0;
    expect(verdict[0]).toContain(flows === 0 ? 'no flows to restore' : '1 flow resumed');
  });

  it.each(PASST_BUILDS)('of generation %s is recognised as what it is', (generation) => {
    const flows = generation.startsWith('v') || generation === 'newer' ? { flows: [SHORT] } : {};
    const spec = { generation, ...flows };
    const errors = open(buildPasst(spec), { as: `passt@${generation}` }).findings.filter(
      ({ severity }) => severity === 'error',
    );
    expect(errors).toEqual([]);
    const found = open(buildPasst(spec)).reading.generation;
    // These begin as others do, and say nothing about themselves.
    const same: Readonly<Record<string, string>> = {
      'draft-typo': 'draft',
      'skeleton-header': 'v1',
      'skeleton-addresses': 'v1',
      'v1-28772ee': 'v1',
      'v1-cfb3740': 'v1',
    };
    expect(found).toBe(same[generation] ?? generation);
  });

  it.each(['i386', 'i386,timeSize=8', 'powerpc', 's390x', 'm68k'])(
    'of a draft on %s tells that machine',
    (abi) => {
      const { reading } = open(buildPasst({ generation: 'draft', abi }));
      const wanted = parseABI(abi);
      expect([reading.abi?.endian, reading.abi?.pointerSize, reading.abi?.timeSize]).toEqual([
        wanted.endian,
        wanted.pointerSize,
        wanted.timeSize,
      ]);
    },
  );
});

describe('real streams', () => {
  it.each(CAPTURES)('%s described and built again is the same bytes', (name) => {
    const bytes = capture(name);
    const { spec, omitted } = specOfPasst(open(bytes));
    expect(omitted).toEqual([]);
    expect(Buffer.from(buildPasst(spec)).equals(bytes)).toBe(true);
    expect(Buffer.from(throughText(spec)).equals(bytes)).toBe(true);
  });
  it('that are cut off are told so, and their whole flows kept', () => {
    const bytes = capture('v2-two-flows-v4-v6');
    const { spec, omitted } = specOfPasst(open(bytes.subarray(0, bytes.length - 5)));
    expect(omitted.join()).toContain('whole flows: 1');
    expect(spec.flows?.length).toBe(1);
  });
  it('with bytes that no key tells are said to differ', () => {
    const bytes = buildPasst({ generation: 'draft' });
    bytes[5000] = 7;
    expect(specOfPasst(open(bytes)).omitted).toEqual(['a byte that no spec can say at offset 5000']);
  });
  it('are cut down where their queues are long', () => {
    const { spec, omitted } = specOfPasst(open(capture('v2-inbound-sndq46080')), { inline: 4096 });
    expect(omitted[0]).toMatch(/^\d+ bytes of flows\[0\]\.send_queue/);
    expect(buildPasst(spec).length).toBe(46306);
  });
  it('of an unknown layout cannot be described', () => {
    const bytes = buildPasst({ version: 9, compat_version: 9 });
    expect(() => specOfPasst(open(bytes))).toThrow(expect.objectContaining({ code: 'spec-impossible' }));
  });
});

const port = fc.integer({ min: 0, max: 65535 });
const byte = fc.integer({ min: 0, max: 255 });
const word = fc.integer({ min: 0, max: 0xffffffff });
const endpoint = fc.oneof(
  fc.tuple(fc.ipV4(), port).map(([address, at]) => `${address}:${at}`),
  fc.tuple(fc.ipV6(), port).map(([address, at]) => `[${address}]:${at}`),
);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 });
const contents = fc.oneof(
  fc.string(),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => [{ hex: Buffer.from(bytes).toString('hex') }]),
  fc.integer({ min: 1, max: 9000 }).map((size) => [{ fill: '00', size }, { text: 'end' }]),
);
const flow: fc.Arbitrary<FlowSpec> = fc
  .record({
    direction: optional(fc.constantFrom('inbound', 'outbound')),
    remote: endpoint,
    local: endpoint,
    guest: optional(endpoint),
    seen: optional(endpoint),
    pif: optional(fc.tuple(byte, byte)),
    tcpi_state: optional(fc.oneof(fc.integer({ min: 1, max: 255 }), fc.constantFrom('CLOSE_WAIT', 'SKIP'))),
    tcpi_options: optional(byte),
    events: optional(byte),
    sndbuf: optional(word),
    tap_mss: optional(word),
    seq_to_tap: optional(word),
    seq_ack_from_tap: optional(word),
    seq_init_from_tap: optional(word),
    seq_rcv: optional(word),
    snd_wnd: optional(word),
    snd_ws: optional(byte),
    send_queue: optional(contents),
    receive_queue: optional(contents),
  })
  .map((given) => {
    const { send_queue, receive_queue, ...others } = given;
    const all = given.tcpi_state === 'SKIP' ? others : given;
    // What was not chosen is not given.
    return JSON.parse(JSON.stringify(all)) as FlowSpec;
  });
const stream: fc.Arbitrary<PasstSpec> = fc
  .record({
    generation: optional(fc.constantFrom('v1', 'v2', 'newer', 'v1-28772ee', 'v1-cfb3740')),
    abi: optional(fc.constantFrom('x86_64', 's390x')),
    flows: fc.array(flow, { maxLength: 4 }),
    trailing: optional(contents),
  })
  .map((given) => JSON.parse(JSON.stringify(given)) as PasstSpec);

describe('any spec', () => {
  it('built, described and built again gives the same bytes, and the same description', () => {
    fc.assert(
      fc.property(stream, (spec) => {
        const { generation = 'v2', abi = 'x86_64' } = spec;
        const options = { as: `passt@${generation}`, abi: parseABI(abi) };
        const bytes = buildPasst(spec);
        const told = specOfPasst(open(bytes, options));
        expect(told.omitted).toEqual([]);
        expect(Buffer.from(throughText(told.spec)).equals(bytes)).toBe(true);
        expect(specOfPasst(open(buildPasst(told.spec), options)).spec).toEqual(told.spec);
      }),
      { seed: SEED, numRuns: runs(200) },
    );
  });
  it('that says nothing superfluous is what its stream is described as', () => {
    const spec: PasstSpec = {
      generation: 'v1',
      addresses: { mac: '02:00:00:00:00:01' },
      flows: [
        {
          direction: 'outbound',
          local: '192.0.2.2:5000',
          remote: '198.51.100.9:443',
          guest: '192.0.2.2:40000',
        },
        {
          local: '[2001:db8::2]:22',
          remote: '[2001:db8::1]:40000',
          tcpi_state: 'CLOSE_WAIT',
          receive_queue: 'left',
        },
        { local: '192.0.2.2:23', remote: '192.0.2.1:40001', tcpi_state: 'SKIP' },
      ],
    };
    expect(specOfPasst(open(buildPasst(spec))).spec).toEqual(spec);
  });
});
