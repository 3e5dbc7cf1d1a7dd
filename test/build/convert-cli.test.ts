/** `carryover convert --to` of dumps: several parts at once, and what is told of them. */
import { expect, it } from 'vitest';
import { buildImage } from '../../src/build/index.js';
import { makeShell } from '../cli/shell.js';

const DUMP = buildImage({
  kernel: '7.1',
  sessions: [{ name: 'vm', files: [{ token: 1, vfio: { address: '3a:01.0' } }] }],
  flbs: [{ iommu: { devices: [{ bdf: '0000:3a:01.0' }, { bdf: '0000:3a:02.0' }] } }, { pci: {} }],
});

it('lays several parts out anew, says so, and leaves the others as they are', async () => {
  const shell = await makeShell();
  shell.files.set('dump.elf', DUMP);
  const { err, exit } = await shell.line(
    'carryover convert --to iommu@c --to pci@v4 --to luo@v3 dump.elf -o other.elf',
  );
  expect(err.split('\n')).toEqual([
    'carryover: left out: flbs[0].iommu.units[0].type: the layout C says neither it nor where tables of drivers are; it was intel',
    'carryover: left out: flbs[0].iommu.devices[0..1].ats: the layout C says nothing of ATS; it was enabled',
    'carryover: left out: flbs[0].iommu.devices[0..1].token: the layout C has that of the iommufd in its place; it was 0x1',
    'carryover: not in the input: flbs[0].iommu.devices[0..1].token: the layout F2 has none of the iommufd; it is 1',
    '',
  ]);
  expect(exit).toBe(0);
  const spec = new TextDecoder().decode((await shell.line('carryover decode --spec other.elf')).out);
  expect(spec).toContain('kho: v3\nluo: v3\n');
  expect(spec).toContain('profile: C');
  expect(spec).toContain('layout: v4');
});

it.each([
  ['--to iommu@A --to iommu@B', 'cannot both be had'],
  ['--to kho@v9', '--to kho@v9: there are v1a'],
  ['--to iommu@Z', 'iommu has no layout "Z"'],
  ['--to iommufd@B', 'the state has no part iommufd'],
  ['--to iommu', '--to of a memory dump is'],
])('%s is refused, and nothing is written', async (options, message) => {
  const shell = await makeShell();
  shell.files.set('dump.elf', DUMP);
  const { err, exit } = await shell.line(`carryover convert ${options} dump.elf -o other.elf`);
  expect(err).toContain(message);
  expect(exit).not.toBe(0);
  expect(shell.files.has('other.elf')).toBe(false);
});
