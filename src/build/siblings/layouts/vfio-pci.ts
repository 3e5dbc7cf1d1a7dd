/** VFIO PCI devices in the layouts of other postings. */
import { VFIO_PROFILES, type VfioProfile, VfioSerRfcConfig } from '../../../formats/vfio-pci/index.js';
import type { Layouts } from '../../handover/extension.js';
import { pciFunctionOf } from '../pci-address.js';
import { VFIO_BUILDS, type VfioSpec } from '../vfio-pci.js';

function profileOf(name: string): VfioProfile | undefined {
  return VFIO_PROFILES.find((profile) => profile.name === name);
}
/** The layout that is built where none is said. */
function layoutOf({ layout, config, iommufd_token }: VfioSpec): string {
  return (
    layout ?? (config !== undefined ? 'rfc-config' : iommufd_token === undefined ? 'v2-reset' : 'v2-iommufd')
  );
}

export const vfioLayouts: Layouts = {
  format: 'vfio-pci',
  names: VFIO_BUILDS,
  // The spec of a file says that its key has the type.
  of: (value) => layoutOf(value as VfioSpec),
  convert: (value, name, { lost, supplied }) => {
    const spec = value as VfioSpec;
    const from = profileOf(layoutOf(spec));
    const to = profileOf(name);
    const layout = VFIO_BUILDS.find((each) => each === name);
    if (from === undefined || to === undefined || layout === undefined || from === to) return value;
    const bits = to.domain === undefined ? 0 : to.domain.size * 8;
    const { address, config, iommufd_token, reset_works } = spec;
    const { domain } = pciFunctionOf(address, 'address');
    if (domain >= 2 ** bits) {
      lost(
        `address: the layout ${name} has ${bits} bits for the domain of ${address}, so that the file is gone`,
      );
      return undefined;
    }
    if (from.reset !== undefined && to.reset === undefined)
      lost(`reset_works: the layout ${name} has no place for it; it was ${reset_works ?? true}`);
    if (from.reset === undefined && to.reset !== undefined)
      supplied(`reset_works: the layout ${from.name} does not say it; it is true`);
    if (iommufd_token !== undefined && to.token === undefined)
      lost(
        `iommufd_token: the layout ${name} has no place for it; it was 0x${BigInt(iommufd_token).toString(16)}`,
      );
    if (from.token === undefined && to.token !== undefined)
      supplied(`iommufd_token: the layout ${from.name} does not say it; the device is attached to none`);
    if (from.schema === VfioSerRfcConfig)
      lost(`config: the layout ${name} keeps neither configuration space nor saved state of the device`);
    if (to.schema === VfioSerRfcConfig)
      supplied(
        `config: the layout ${from.name} does not say it; it is 256 bytes of zeros, with nothing saved`,
      );
    return {
      address,
      layout,
      ...(reset_works === undefined || to.reset === undefined ? {} : { reset_works }),
      ...(iommufd_token === undefined || to.token === undefined ? {} : { iommufd_token }),
      ...(config === undefined || to.schema !== VfioSerRfcConfig ? {} : { config }),
    } satisfies VfioSpec;
  },
};
