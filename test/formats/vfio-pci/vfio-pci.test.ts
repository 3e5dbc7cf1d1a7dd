import { describe, expect, it } from 'vitest';
import { ABI, decode, encode, type Schema, sizeof, toHex } from '../../../src/codec/index.js';
import {
  VFIO_PCI,
  VFIO_PROFILES,
  VfioSerRfcConfig,
  VfioSerV1Iommufd,
  VfioSerV2Iommufd,
  type VfioValue,
} from '../../../src/formats/vfio-pci/index.js';
import { rulesOf } from '../kho/support.js';
import { fileValue, joined, Machine, words } from '../machine.js';

/** A device of each layout; reset_works is 1, and the token that of an iommufd. */
const TOKEN = 0x77;
type Write = (domain: number, bdf: number) => Uint8Array;
const PAYLOADS: readonly (readonly [profile: string, compatible: string, write: Write])[] = [
  ['rfc', 'vfio-v1', (_, bdf) => words([2, bdf])],
  ['v1', 'vfio-pci-v1', (domain, bdf) => words([2, bdf], [2, domain])],
  ['v1-reset', 'vfio-pci-v1', (domain, bdf) => words([2, bdf], [2, domain], [1, 1])],
  ['v1-iommufd', 'vfio-pci-v1', (domain, bdf) => words([2, bdf], [2, domain], [1, 1], [4, TOKEN])],
  ['v2', 'vfio-pci-v1', (domain, bdf) => words([4, domain], [2, bdf])],
  ['v2', 'vfio-pci-v2', (domain, bdf) => words([4, domain], [2, bdf])],
  ['v2-reset', 'vfio-pci-v2', (domain, bdf) => words([4, domain], [2, bdf], [1, 1])],
  ['v2-iommufd', 'vfio-pci-v2', (domain, bdf) => words([4, domain], [2, bdf], [1, 1], [4, TOKEN])],
];
const iommufd = (on: Machine, token: bigint, session = 0): number =>
  on.file('iommufd-v1', words([8, 0]), token, session);

describe('structs', () => {
  it.each(VFIO_PROFILES.map(({ name, schema, size }) => [name, schema, size] as [string, Schema, number]))(
    '%s has its size on every machine',
    (_, schema, size) => {
      for (const abi of Object.values(ABI)) expect(sizeof(schema, abi)).toBe(size);
    },
  );
  it('are those of the facts', () => {
    expect(VFIO_PROFILES.map(({ name, size }) => `${name} ${size}`).sort()).toEqual([
      'rfc 2',
      'rfc-config 8235',
      'v1 4',
      'v1-iommufd 9',
      'v1-reset 5',
      'v2 6',
      'v2-iommufd 11',
      'v2-reset 7',
    ]);
  });
  it('golden bytes', () => {
    const v1 = { bdf: 0x3a08, domain: 1, reset_works: 1, iommufd_ser: { token: 0x11223344 } };
    expect(toHex(encode(VfioSerV1Iommufd, v1, { abi: ABI.x86_64 }))).toBe('083a01000144332211');
    expect(toHex(encode(VfioSerV2Iommufd, { ...v1, domain: 0x10001 }, { abi: ABI.x86_64 }))).toBe(
      '01000100083a0144332211',
    );
    expect(toHex(encode(VfioSerV1Iommufd, v1, { abi: ABI.s390x }))).toBe('3a0800010111223344');
    const config = new Uint8Array(8235);
    config.set([0x12, 0x34], 8226 + 1);
    config[8226] = 1;
    config[8198] = 7;
    expect(decode(VfioSerRfcConfig, config, { abi: ABI.x86_64 })).toMatchObject({
      rbar: [7, 0, 0, 0, 0, 0, 0],
      reset_works: 1,
      pci_saved_state_phys: 0x3412n,
    });
  });
});

describe.each(PAYLOADS)('%s as %s', (profile, compatible, write) => {
  const hasToken = profile.endsWith('iommufd');
  const hasReset = hasToken || profile.endsWith('reset');
  it.each([
    [0, 0x3a08, '0000:3a:01.0'],
    [1, 0x3a08, '0001:3a:01.0'],
    [0, 0x0100, '0000:01:00.0'],
    [0, 0x0010, '0000:00:02.0'],
    [3, 0xffff, '0003:ff:1f.7'],
  ])('domain %i, bdf %i is %s', (domain, bdf, address) => {
    const on = new Machine();
    on.file(compatible, write(domain, bdf));
    iommufd(on, BigInt(TOKEN));
    const handover = on.open();
    const value = fileValue<VfioValue>(handover, 'vfio');
    expect(rulesOf(handover)).toEqual([]);
    expect(value.address).toBe(profile === 'rfc' ? address.replace(/^000./, '0000') : address);
    // Layouts that differ in fields of 0 only cannot be told apart, and say the same.
    if (hasReset) expect(value.profile).toBe(profile);
    expect(value.reset_works ?? 0).toBe(hasReset ? 1 : 0);
    expect(value.iommufd_ser?.token).toBe(
      hasToken ? TOKEN : value.profile.endsWith('iommufd') ? 0 : undefined,
    );
  });
  it('any flip of a bit is decoded or found', () => {
    for (let bit = 0; bit < 16 * 8; bit++) {
      const bytes = joined(write(0, 0x3a08), new Uint8Array(16));
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const on = new Machine();
      on.file(compatible, bytes);
      expect(() => on.open()).not.toThrow();
    }
  });
  it('can be forced', () => {
    const on = new Machine();
    on.file('vfio-pci-v1', write(0, 0x3a08));
    iommufd(on, BigInt(TOKEN));
    const value = fileValue<VfioValue>(on.open({ forced: { 'vfio-pci': profile } }), 'vfio');
    expect(value).toMatchObject({ profile, address: '0000:3a:01.0' });
  });
});

describe('VMD', () => {
  it('begins where 16 bits end', () => {
    const on = new Machine();
    on.file('vfio-pci-v2', words([4, 0x10001], [2, 0x3a08], [1, 1]));
    expect(fileValue<VfioValue>(on.open(), 'vfio')).toMatchObject({
      domain: 0x10001,
      address: '10001:3a:01.0',
    });
  });
});

describe('the configuration space of the RFC', () => {
  interface Config {
    size?: number;
    state?: Uint8Array | number;
    reset?: number;
  }
  const withConfig = ({ size = 4096, state, reset = 1 }: Config, on = new Machine()): Machine => {
    const bytes = new Uint8Array(8235);
    const at = typeof state === 'number' ? state : state === undefined ? 0 : on.hold(state);
    bytes.set(words([2, 0x3a08], [4, size]), 0);
    bytes.set([0x10, 0xec], 4102);
    bytes.set(words([4, 0xfe000000]), 8198);
    bytes.set(words([1, reset], [8, at]), 8226);
    on.file('vfio-v1', bytes);
    return on;
  };
  const space = words(...Array.from({ length: 16 }, (_, i) => [4, i] as const));
  const caps = joined(
    words([2, 0x10], [1, 0], [4, 6]),
    Uint8Array.of(1, 2, 3, 4, 5, 6),
    words([2, 0x1e], [1, 1], [4, 4]),
    words([4, 9]),
  );

  it('is shown, with the capabilities that were saved', () => {
    const handover = withConfig({ state: joined(space, caps, new Uint8Array(7)) }).open();
    expect(rulesOf(handover)).toEqual([]);
    const value = fileValue<VfioValue>(handover, 'vfio');
    expect(value).toMatchObject({ profile: 'rfc-config', bdf: 0x3a08, cfg_size: 4096, reset_works: 1 });
    expect(value.vconfig?.length).toBe(4096);
    expect([...(value.vconfig ?? []).slice(0, 2)]).toEqual([0x10, 0xec]);
    expect(value.rbar?.[0]).toBe(0xfe000000);
    expect(value.pci_saved_state?.config_space[15]).toBe(15);
    expect(value.pci_saved_state?.caps).toEqual([
      { cap_nr: 0x10, cap_extended: 0, size: 6, data: Uint8Array.of(1, 2, 3, 4, 5, 6) },
      { cap_nr: 0x1e, cap_extended: 1, size: 4, data: Uint8Array.of(9, 0, 0, 0) },
    ]);
  });
  it.each([4096, 16384, 65536])('with pages of %i bytes', (pageSize) => {
    expect(rulesOf(withConfig({ size: 256 }, new Machine(pageSize)).open())).toEqual([]);
  });
  it.each<[keyof typeof VFIO_PCI, (on: Machine) => Machine]>([
    ['config-size', (on) => withConfig({ size: 8192 }, on)],
    ['reset', (on) => withConfig({ reset: 2 }, on)],
    ['saved-state', (on) => withConfig({ state: joined(space, words([2, 0x10], [1, 0], [4, 5000])) }, on)],
    [
      'saved-state',
      (on) =>
        withConfig(
          {
            state: joined(
              space,
              ...Array.from({ length: 520 }, () => words([2, 1], [1, 0], [4, 1], [1, 1])),
            ).slice(0, 4096),
          },
          on,
        ),
    ],
    [
      'saved-capability',
      (on) => withConfig({ state: joined(space, words([2, 0x100], [1, 0], [4, 4], [4, 1])) }, on),
    ],
    ['saved-preserved', (on) => withConfig({ state: on.block(0, false) }, on)],
  ])('%s', (rule, make) => {
    const on = make(new Machine());
    const handover = on.open(rule === 'config-size' ? { forced: { 'vfio-pci': 'rfc-config' } } : {});
    expect(rulesOf(handover)).toEqual([VFIO_PCI[rule].name]);
  });
});

describe('rules between files', () => {
  const attached = (token: bigint | number, bdf = 0x3a08): Uint8Array =>
    words([2, bdf], [2, 0], [1, 1], [4, token]);
  const pci = (...bdfs: number[]): Uint8Array =>
    words(
      [8, bdfs.length],
      ...bdfs.flatMap(
        (bdf) =>
          [
            [2, 0],
            [2, bdf],
          ] as const,
      ),
    );
  it.each<[keyof typeof VFIO_PCI, (on: Machine) => void]>([
    [
      'duplicate',
      (on) => {
        on.file('vfio-pci-v1', attached(0));
        on.file('vfio-pci-v1', attached(0));
      },
    ],
    [
      'token-cut',
      (on) => {
        iommufd(on, 0x1_0000_0077n);
        on.file('vfio-pci-v1', attached(0x77));
      },
    ],
    ['token-dangling', (on) => on.file('vfio-pci-v1', attached(0x77))],
    [
      'token-dangling',
      (on) => {
        // Tokens are names within a session.
        on.file('vfio-pci-v1', attached(0x77));
        iommufd(on, 0x77n, 1);
      },
    ],
    [
      'token-dangling',
      (on) => {
        on.file('vfio-pci-v1', attached(0x77));
        on.file('eventfd-v1', words([8, 0], [4, 0]), 0x77n);
      },
    ],
    [
      'pci-entry',
      (on) => {
        on.file('vfio-pci-v1', attached(0));
        on.file('vfio-pci-v1', attached(0, 0x0108));
        on.flb('pci-v1', pci(0x3a08));
      },
    ],
    [
      'pci-device',
      (on) => {
        on.file('vfio-pci-v1', attached(0));
        on.flb('pci-v1', pci(0x0108, 0x3a08));
      },
    ],
  ])('%s', (rule, make) => {
    const on = new Machine();
    make(on);
    expect(rulesOf(on.open())).toEqual([VFIO_PCI[rule].name]);
  });
  it('entries of a version that is not known may be of bridges, which have no files', () => {
    const on = new Machine();
    iommufd(on, 0x77n);
    on.file('vfio-pci-v1', attached(0x77));
    const entry = (bdf: number, refcount: number) => words([4, 0], [2, bdf], [2, refcount]);
    const { first } = on.chain([entry(0x00e0, 2), entry(0x3a08, 1)]);
    on.flb('pci', words([4, 9], [4, 2], [8, first]));
    expect(rulesOf(on.open())).toEqual(['pci/version']);
  });
  it('a device that the PCI core has too is sound', () => {
    const on = new Machine();
    iommufd(on, 0x77n);
    on.file('vfio-pci-v1', attached(0x77));
    on.flb('pci-v1', pci(0x3a08));
    expect(rulesOf(on.open())).toEqual([]);
  });
});

describe('reset_works of 0', () => {
  const read = (compatible: string, bytes: Uint8Array, forced?: string): VfioValue => {
    const on = new Machine();
    on.file(compatible, bytes);
    return fileValue<VfioValue>(
      on.open(forced === undefined ? {} : { forced: { 'vfio-pci': forced } }),
      'vfio',
    );
  };
  it.each([
    ['v1', 'vfio-pci-v1', words([2, 0x3a08], [2, 0])],
    ['v2', 'vfio-pci-v2', words([4, 0x10001], [2, 0x3a08])],
  ])('may be the end of the layout %s, which is told', (shorter, compatible, bytes) => {
    const value = read(compatible, bytes);
    expect([value.profile, value.reset_works]).toEqual([`${shorter}-reset`, 0]);
    expect(value.because.at(-1)).toBe(
      `${shorter}, which ends before reset_works, would read the same: that it is 0 may say nothing`,
    );
    expect(read(compatible, bytes, `${shorter}-reset`).because).toEqual([`${shorter}-reset is forced`]);
    expect(read(compatible, joined(bytes, words([1, 1]))).because.join()).not.toContain('may say nothing');
  });
});
