import { describe, expect, it } from 'vitest';
import {
  cellsOf,
  findNode,
  nativeOf,
  parseFDT,
  property,
  stringListOf,
  stringOf,
  u32Of,
  u64Of,
  valueText,
} from '../../../src/formats/fdt/index.js';
import { fixture, goldens, unhex } from './goldens.js';

const golden = goldens.compiled.find(({ name, version }) => name === 'tree' && version === 17);
const fdt = parseFDT(unhex(golden?.bytes ?? ''));
const at = (path: string, name: string) => {
  const node = findNode(fdt, path);
  const found = node && property(node, name);
  if (found === undefined) throw new Error(`${path} has no ${name}`);
  return found;
};
const of = (...bytes: number[]) => ({ name: 'x', value: Uint8Array.from(bytes) });

describe('nodes', () => {
  it('are found by their paths', () => {
    expect(findNode(fdt, '/')).toBe(fdt.root);
    expect(findNode(fdt, '/cpus/cpu@1/cache')?.name).toBe('cache');
    expect(findNode(fdt, '//cpus//cpu@1/')?.name).toBe('cpu@1');
    expect(findNode(fdt, '/nothing')).toBeUndefined();
  });
  it('are found without their unit address, the first of them', () => {
    expect(findNode(fdt, '/cpus/cpu')?.name).toBe('cpu@0');
    expect(findNode(fdt, '/memory')?.name).toBe('memory@80000000');
    expect(findNode(fdt, '/mem')).toBeUndefined();
  });
  it('are found by an alias', () => {
    expect(findNode(fdt, 'serial0')?.name).toBe('serial@2000');
    expect(findNode(fdt, 'cpu0/')?.name).toBe('cpu@0');
    expect(findNode(fdt, 'serial9')).toBeUndefined();
    expect(findNode(fdt, '')).toBeUndefined();
  });
});

describe('values', () => {
  it('are cells and integers', () => {
    expect(u32Of(at('/soc/serial', 'interrupts'))).toBe(7);
    expect(u32Of(at('/memory', 'reg'))).toBeUndefined();
    expect(u64Of(at('/memory', 'reg'))).toBe(0x8000_0000_1000_0000n);
    expect(u64Of(at('/soc/serial', 'interrupts'))).toBeUndefined();
    expect(cellsOf(at('/chosen', 'linux,kho-fdt'))).toEqual([0, 0x4f8000, 0, 0x1000]);
    expect(cellsOf(of(1))).toBeUndefined();
  });
  it('are integers of the kernel that wrote them', () => {
    const kho = parseFDT(fixture('kho-v4-root.dtb'));
    const map = property(kho.root, 'preserved-memory-map');
    expect(map && nativeOf(map, 'little')).toBe(0x4b9000n);
    expect(nativeOf(of(1, 2), 'little')).toBe(0x201n);
    expect(nativeOf(of(1, 2), 'big')).toBe(0x102n);
    expect(nativeOf(of(0, 0, 1, 0), 'big')).toBe(0x100n);
    expect(nativeOf(of(7), 'big')).toBe(7n);
    expect(nativeOf(of(1, 2, 3), 'little')).toBeUndefined();
  });
  it('are strings and lists of them', () => {
    expect(stringListOf(at('/', 'compatible'))).toEqual(['carryover,test', 'linux,dummy-virt']);
    expect(stringOf(at('/', 'compatible'))).toBeUndefined();
    expect(stringOf(at('/', 'model'))).toBe('carryover,test');
    expect(stringOf(of(65))).toBeUndefined();
    expect(stringListOf(of())).toEqual([]);
    expect(stringListOf(of(0, 0))).toEqual(['', '']);
    expect(stringOf(of(0xff, 0))).toBe('\udcff');
  });
  it('are printed as dtc guesses', () => {
    expect(valueText(Uint8Array.of(65, 66, 0))).toBe('"AB"');
    expect(valueText(Uint8Array.of(65, 10, 0))).toBe('"A\\n"');
    expect(valueText(Uint8Array.of(0, 0, 0, 0))).toBe('<0x00>');
    expect(valueText(Uint8Array.of(1, 2, 3))).toBe('[01 02 03]');
  });
});
