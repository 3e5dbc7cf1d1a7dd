/** What must hold between VFIO devices, the iommufds they are attached to, and the devices of the PCI core. */
import { baseVersion } from '../kho/generations.js';
import { isRecord } from '../kho/record.js';
import { hexText, many, type Walk } from '../kho/walk.js';
import { type FilePart, filesOf, flbsOf } from '../luo/parts.js';
import { VFIO_PCI } from './rules.js';

interface Device {
  readonly part: FilePart;
  readonly address: string;
  readonly token: number | undefined;
}

export function checkVfio(entries: Readonly<Record<string, unknown>>, walk: Walk): void {
  const files = filesOf(entries);
  const devices = files.flatMap((part): Device[] => {
    const { vfio } = part.file;
    if (!isRecord(vfio) || typeof vfio.address !== 'string') return [];
    const ser = vfio.iommufd_ser;
    const token = isRecord(ser) && typeof ser.token === 'number' ? ser.token : undefined;
    return [{ part, address: vfio.address, token }];
  });
  if (devices.length === 0) return;
  const seen = new Map<string, string>();
  for (const { part, address } of devices) {
    const before = seen.get(address);
    if (before !== undefined)
      walk.find(
        VFIO_PCI.duplicate,
        `${part.path}.vfio`,
        undefined,
        `${address} is the device of ${before} too.`,
      );
    else seen.set(address, part.path);
  }
  checkTokens(devices, files, walk);
  checkCore(devices, entries, walk);
}

function checkTokens(devices: readonly Device[], files: readonly FilePart[], walk: Walk): void {
  const iommufds = new Map<string, bigint>();
  const cut = new Map<string, bigint>();
  for (const { compatible, session, token } of files) {
    if (baseVersion(compatible) !== 'iommufd-v1') continue;
    iommufds.set(`${session} ${token}`, token);
    cut.set(`${session} ${BigInt.asUintN(32, token)}`, token);
  }
  for (const { part, address, token } of devices) {
    if (token === undefined || token === 0 || iommufds.has(`${part.session} ${token}`)) continue;
    const path = `${part.path}.vfio.iommufd_ser.token`;
    const whole = cut.get(`${part.session} ${token}`);
    if (whole !== undefined)
      walk.find(
        VFIO_PCI['token-cut'],
        path,
        undefined,
        `${address} names the iommufd ${hexText(token)}; the session has the iommufd ${hexText(whole)}.`,
      );
    else
      walk.find(
        VFIO_PCI['token-dangling'],
        path,
        undefined,
        `${address} names the iommufd ${hexText(token)}, which is not in the session.`,
      );
  }
}

function checkCore(devices: readonly Device[], entries: Readonly<Record<string, unknown>>, walk: Walk): void {
  const files = new Set(devices.map(({ address }) => address));
  for (const { path, value } of flbsOf(entries, 'pci')) {
    // The entries of the RFC name no devices.
    if (!isRecord(value) || !Array.isArray(value.devices) || value.rfc_devices !== undefined) continue;
    const preserved = new Set<unknown>();
    for (const [i, device] of value.devices.entries()) {
      if (!isRecord(device)) continue;
      preserved.add(device.address);
      // Where bridges have entries as well, one without a file is no wonder.
      const counts = device.refcount;
      const mayBeBridge = value.profile === 'v5' || value.profile === 'v7' || value.profile === 'accepted-v2';
      if (counts !== 0 && !mayBeBridge && typeof device.address === 'string' && !files.has(device.address))
        walk.find(
          VFIO_PCI['pci-device'],
          `${path}.devices[${i}]`,
          undefined,
          `No file is of the device ${device.address}.`,
        );
    }
    for (const { part, address } of devices)
      if (!preserved.has(address))
        walk.find(
          VFIO_PCI['pci-entry'],
          `${part.path}.vfio`,
          undefined,
          `${address} is not among the ${many(preserved.size, 'device')} of the PCI core.`,
        );
  }
}
