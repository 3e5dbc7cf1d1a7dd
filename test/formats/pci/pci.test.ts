import { describe, expect, it } from 'vitest';
import { ABI, decode, encode, type Schema, sizeof, toHex } from '../../../src/codec/index.js';
import {
  PCI,
  PCI_PROFILES,
  PciDevSer,
  PciDevSerRfc,
  PciDevSerRfcNamed,
  PciDevSerV1,
  type PciProfile,
  PciSer,
  PciSerV1,
  PciSerV4,
  PciSerV7,
  type PciValue,
  pciAddress,
} from '../../../src/formats/pci/index.js';
import { rulesOf } from '../kho/support.js';
import { flbValue, joined, Machine, words } from '../machine.js';

type Device = readonly [domain: number, bdf: number, refcount?: number];
const small = ([domain, bdf]: Device): Uint8Array => words([2, domain], [2, bdf]);
const large = ([domain, bdf, refcount = 0]: Device): Uint8Array =>
  words([4, domain], [2, bdf], [2, refcount]);

/** Keeps a file in the handover, so that the FLB belongs to one. */
function machine(pageSize = 4096): Machine {
  const made = new Machine(pageSize);
  made.file('eventfd-v1', words([8, 0], [4, 0]));
  return made;
}

interface Image {
  readonly profile: string;
  readonly compatible: string;
  readonly write: (devices: readonly Device[], on: Machine, nr?: number) => Uint8Array;
  readonly refcounts?: 1;
}
const inline =
  (size: 4 | 8, ...head: ((devices: readonly Device[], nr: number) => Uint8Array)[]) =>
  (devices: readonly Device[], _: Machine, nr = devices.length): Uint8Array =>
    joined(
      ...head.map((each) => each(devices, nr)),
      ...devices.map(size === 4 ? small : large),
      // Room for three more.
      new Uint8Array(head.length > 1 ? 3 * size : 0),
    );
const blocks =
  (head: (nr: number, first: number) => Uint8Array) =>
  (
    devices: readonly Device[],
    on: Machine,
    nr = devices.filter(([, , refcount]) => refcount !== 0).length,
  ): Uint8Array =>
    head(nr, on.chain(devices.map(large)).first);

const IMAGES: readonly Image[] = [
  { profile: 'v1', compatible: 'pci-v1', write: inline(4, (_, nr) => words([8, nr])) },
  {
    profile: 'v2',
    compatible: 'pci-v1',
    write: inline(
      4,
      (_, nr) => words([8, nr + 3]),
      (_, nr) => words([8, nr]),
    ),
  },
  {
    profile: 'v3',
    compatible: 'pci-v1',
    write: inline(
      8,
      (_, nr) => words([8, nr + 3]),
      (_, nr) => words([8, nr]),
    ),
  },
  {
    profile: 'v3',
    compatible: 'pci-v2',
    write: inline(
      8,
      (_, nr) => words([8, nr + 3]),
      (_, nr) => words([8, nr]),
    ),
  },
  {
    profile: 'v3-u32',
    compatible: 'pci-v1',
    write: inline(
      8,
      (_, nr) => words([4, nr + 3]),
      (_, nr) => words([4, nr]),
    ),
  },
  {
    profile: 'v4',
    compatible: 'pci-v2',
    write: inline(
      8,
      (devices) => words([4, devices.length + 3]),
      (_, nr) => words([4, nr]),
    ),
    refcounts: 1,
  },
  {
    profile: 'v4',
    compatible: 'pci-v1',
    write: inline(
      8,
      (devices) => words([4, devices.length + 3]),
      (_, nr) => words([4, nr]),
    ),
    refcounts: 1,
  },
  {
    profile: 'v5',
    compatible: 'pci-v3',
    write: inline(
      8,
      (devices) => words([4, devices.length + 3]),
      (_, nr) => words([4, nr]),
    ),
    refcounts: 1,
  },
  {
    profile: 'v7',
    compatible: 'pci-v1',
    write: blocks((nr, first) => words([4, nr], [8, first])),
    refcounts: 1,
  },
  {
    profile: 'accepted-v1',
    compatible: 'pci',
    write: blocks((nr, first) => words([4, 1], [4, nr], [8, first])),
    refcounts: 1,
  },
  {
    profile: 'accepted-v2',
    compatible: 'pci',
    write: blocks((nr, first) => words([4, 2], [4, nr], [8, first])),
    refcounts: 1,
  },
];

const profileOf = (name: string): PciProfile => {
  const found = PCI_PROFILES.find((profile) => profile.name === name);
  if (found === undefined) throw new Error(`there is no layout ${name}`);
  return found;
};

describe('structs', () => {
  it.each<[string, Schema, number]>([
    ['rfc', PciDevSerRfc, 16],
    ['rfc-named', PciDevSerRfcNamed, 80],
    ['v1', PciDevSerV1, 4],
    ['v3', PciDevSer, 8],
    ['v7', PciSerV7, 12],
    ['accepted', PciSer, 16],
  ])('%s has its size on every machine', (_, schema, size) => {
    for (const abi of Object.values(ABI)) expect(sizeof(schema, abi)).toBe(size);
  });
  it('golden bytes', () => {
    const hex = '0200000001000000' + '01000100083a0100' + '0000000000000000';
    const value = {
      max_nr_devices: 2,
      nr_devices: 1,
      devices: [
        { domain: 0x10001, bdf: 0x3a08, refcount: 1 },
        { domain: 0, bdf: 0, refcount: 0 },
      ],
    };
    expect(toHex(encode(PciSerV4, value, { abi: ABI.x86_64 }))).toBe(hex);
    expect(decode(PciSerV4, Buffer.from(hex, 'hex'), { abi: ABI.x86_64 })).toEqual(value);
    expect(
      toHex(encode(PciSerV1, { nr_devices: 1n, devices: [{ domain: 1, bdf: 0x3a08 }] }, { abi: ABI.s390x })),
    ).toBe('000000000000000100013a08');
    expect(toHex(encode(PciSerV7, { nr_devices: 3, devices: 0x12345000n }, { abi: ABI.x86_64 }))).toBe(
      '030000000050341200000000',
    );
  });
  it('addresses', () => {
    expect(pciAddress(1, 0x3a08)).toBe('0001:3a:01.0');
    expect(pciAddress(0x10001, 0xffff)).toBe('10001:ff:1f.7');
  });
});

describe.each(IMAGES.map((image) => [`${image.profile} as ${image.compatible}`, image] as const))(
  '%s',
  (_, image) => {
    const { profile, compatible, write, refcounts } = image;
    const devicesOf = (count: number): Device[] =>
      Array.from(
        { length: count },
        (_each, i): Device => [i % 2 === 0 ? 0 : 1, 0x0108 + 8 * i, refcounts ?? 0],
      ).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    it.each([4096, 16384, 65536])('is recognised with pages of %i bytes, and sound', (pageSize) => {
      for (const count of [1, 2, 3, 17, 509, 510, 511, 1200]) {
        const on = machine(pageSize);
        on.flb(compatible, write(devicesOf(count), on));
        const handover = on.open();
        expect(rulesOf(handover)).toEqual([]);
        const value = flbValue<PciValue>(handover, 'pci');
        expect(value.profile).toBe(profile);
        expect(value.nr_devices).toBe(BigInt(count));
        expect(value.devices.map(({ domain, bdf }) => [domain, bdf])).toEqual(
          devicesOf(count).map(([domain, bdf]) => [domain, bdf]),
        );
        expect(value.because.length).toBeGreaterThan(0);
      }
    });
    it.each([1, 2, 4, 6, 9])('keeps its layout where nr_devices of 3 is said to be %i', (nr) => {
      const on = machine();
      const bytes = write(devicesOf(3), on);
      const { header, nr: size, version, max, list } = profileOf(profile);
      const at = list === 'blocks' ? version : version + max;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      if (size === 8) view.setBigUint64(at, BigInt(nr), true);
      else view.setUint32(at, nr, true);
      expect(at + size).toBeLessThanOrEqual(header);
      on.flb(compatible, bytes);
      const handover = on.open();
      const value = flbValue<PciValue>(handover, 'pci');
      expect(value.profile).toBe(profile);
      expect(value.devices).toHaveLength(3);
      // Six entries is what there is room for.
      expect(rulesOf(handover)).toEqual([nr > 6 && max > 0 ? 'pci/capacity' : 'pci/count']);
    });
    it('is sound without devices', () => {
      const on = machine();
      on.flb(compatible, write([], on));
      expect(rulesOf(on.open())).toEqual([]);
    });
    it('any flip of a bit is decoded or found', () => {
      for (let bit = 0; bit < 32 * 8; bit++) {
        const on = machine();
        const bytes = joined(write(devicesOf(3), on), new Uint8Array(32));
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        on.flb(compatible, bytes);
        expect(() => on.open()).not.toThrow();
      }
    });
  },
);

describe('eras without a string', () => {
  it('are read when they are forced', () => {
    const on = machine();
    const entry = (path: number): Uint8Array => words([4, path], [4, 3], [8, 0x1234]);
    on.flb('pci-v1', joined(entry(1), entry(2)));
    const handover = on.open({ forced: { pci: 'rfc' } });
    expect(flbValue<PciValue>(handover, 'pci')).toMatchObject({
      profile: 'rfc',
      nr_devices: 2n,
      rfc_devices: [
        { path: 1, flags: 3, driver_data: 0x1234n },
        { path: 2, flags: 3, driver_data: 0x1234n },
      ],
    });
    expect(rulesOf(handover)).toEqual([]);
    const named = machine();
    const name = new Uint8Array(64);
    name.set(Buffer.from('vfio-pci'));
    named.flb('pci-v1', joined(words([4, 1], [4, 3]), name, words([8, 0x1234])));
    expect(flbValue<PciValue>(named.open({ forced: { pci: 'rfc-named' } }), 'pci').rfc_devices).toEqual([
      { path: 1, flags: 3, driver_name: 'vfio-pci', driver_data: 0x1234n },
    ]);
  });
  it('every layout has a name of its own', () => {
    const names = PCI_PROFILES.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});

it('a choice is explained, with what comes next', () => {
  const on = machine();
  on.flb('pci-v1', joined(words([8, 2]), small([0, 0x0108]), small([0, 0x0110])));
  const value = flbValue<PciValue>(on.open(), 'pci');
  expect(value.profile).toBe('v1');
  expect(value.runner_up).toBeDefined();
  expect(value.because.join('\n')).toMatch(/v1: .*2 entries of 4 bytes.*\n.*fits/s);
});

describe('rules', () => {
  const v1 = (nr: number, ...devices: readonly Device[]): Uint8Array =>
    joined(words([8, nr]), ...devices.map(small));
  const v4 = (max: number, nr: number, ...devices: readonly Device[]): Uint8Array =>
    joined(words([4, max], [4, nr]), ...devices.map(large));
  const accepted =
    (version: number, nr: number, ...devices: readonly Device[]) =>
    (on: Machine): Uint8Array =>
      words([4, version], [4, nr], [8, on.chain(devices.map(large)).first]);
  it.each<[keyof typeof PCI, string, string | undefined, Uint8Array | ((on: Machine) => Uint8Array)]>([
    ['version', 'pci', undefined, accepted(3, 1, [0, 0x108, 1])],
    ['count', 'pci', undefined, accepted(2, 3, [0, 0x108, 1], [0, 0x110, 1])],
    ['count', 'pci', undefined, accepted(1, 2, [0, 0x108, 1], [0, 0x110, 0])],
    ['count', 'pci-v2', 'v4', v4(2, 2, [0, 0x108, 1])],
    ['capacity', 'pci-v1', 'v1', v1(2000, [0, 0x108])],
    ['capacity', 'pci-v2', 'v3-u32', v4(1, 2, [0, 0x108], [0, 0x110])],
    ['order', 'pci-v1', 'v1', v1(2, [0, 0x110], [0, 0x108])],
    ['duplicate', 'pci-v1', 'v1', v1(2, [0, 0x108], [0, 0x108])],
    ['duplicate', 'pci', undefined, accepted(2, 2, [0, 0x108, 1], [0, 0x108, 1])],
    ['refcount', 'pci', undefined, accepted(1, 1, [0, 0x108, 2])],
    ['refcount-below', 'pci', undefined, accepted(2, 2, [0, 0x0108, 3], [0, 0x0208, 1])],
    ['reserved', 'pci-v2', 'v3-u32', v4(1, 1, [0, 0x108, 2])],
  ])('%s', (rule, compatible, forced, payload) => {
    const on = machine();
    on.flb(compatible, typeof payload === 'function' ? payload(on) : payload);
    expect(rulesOf(on.open(forced === undefined ? {} : { forced: { pci: forced } }))).toEqual([
      PCI[rule].name,
    ]);
  });
  it.each([
    ['v1', words([8, 3])],
    ['v2', joined(words([8, 3]), words([8, 3]))],
  ])('entries of %s in disorder are those of no other layout', (profile, head) => {
    const on = machine();
    on.flb('pci-v1', joined(head, small([0, 0x110]), small([0, 0x108]), small([0, 0x118])));
    const handover = on.open();
    expect(flbValue<PciValue>(handover, 'pci').profile).toBe(profile);
    expect(rulesOf(handover)).toEqual(['pci/order']);
  });
  it('a version that is not known is read as the newest', () => {
    const on = machine();
    on.flb('pci', accepted(9, 3, [0, 0x0008, 2], [0, 0x0108, 1], [0, 0x0208, 1])(on));
    const handover = on.open();
    expect(flbValue<PciValue>(handover, 'pci').profile).toBe('accepted-v2');
    expect(rulesOf(handover)).toEqual(['pci/version']);
  });
  it('a bridge counts what is below it', () => {
    const on = machine();
    on.flb('pci', accepted(2, 3, [0, 0x0008, 2], [0, 0x0108, 1], [0, 0x0208, 1])(on));
    expect(rulesOf(on.open())).toEqual([]);
  });
  it('blocks that are damaged are told by the rules of blocks', () => {
    const on = machine();
    const { first, blocks: list } = on.chain([large([0, 0x108, 1])]);
    on.flb('pci', words([4, 2], [4, 1], [8, first]));
    on.write(first, words([8, list[0] ?? 0]));
    expect(rulesOf(on.open())).toContain('kho/block-cycle');
  });
});
