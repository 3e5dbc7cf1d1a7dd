/** Builds what is handed over of VFIO PCI devices, in each layout that was posted. */
import { baseVersion } from '../../formats/kho/generations.js';
import {
  VFIO_PROFILES,
  type VfioProfile,
  VfioSerRfc,
  VfioSerRfcConfig,
  VfioSerV1,
  VfioSerV1Iommufd,
  VfioSerV1Reset,
  VfioSerV2,
  VfioSerV2Iommufd,
  VfioSerV2Reset,
  type VfioValue,
} from '../../formats/vfio-pci/index.js';
import { buildError } from '../build-error.js';
import type { HandoverBuilder } from '../handover/builder.js';
import type { FileBuilder } from '../handover/extension.js';
import type { Word } from '../handover/spec.js';
import type { Region } from '../memory.js';
import { boolean, choice, field, needed, object, text, word } from '../spec/shape.js';
import { type PciFunction, pciFunctionOf } from './pci-address.js';
import { buildConfig, type ConfigSpec, configShape, describeConfig } from './saved-state.js';
import { IOMMUFD_FILE, namedFile } from './session-files.js';

export const VFIO_BUILDS = [
  'v2-reset',
  'v2-iommufd',
  'v2',
  'v1-reset',
  'v1-iommufd',
  'v1',
  'rfc',
  'rfc-config',
] as const;
type VfioBuild = (typeof VFIO_BUILDS)[number];

export interface VfioSpec {
  /** `0001:3a:01.0` */
  readonly address: string;
  /** That of the latest posting, or of the handler's string. */
  readonly layout?: VfioBuild;
  /** True if not given. */
  readonly reset_works?: boolean;
  /** The iommufd that the device is attached to, by its token in the session; none if not given. */
  readonly iommufd_token?: Word;
  /** Of `rfc-config`. */
  readonly config?: ConfigSpec;
}

export const vfioBuilder: FileBuilder = {
  key: 'vfio',
  field: field(
    object('vfio', 'A VFIO PCI device', {
      address: needed(text, '`0000:3a:01.0`, or `3a:01.0` in domain 0'),
      layout: field(
        choice(VFIO_BUILDS),
        '`v2-reset`, or the first that has what is given and goes by `compatible`',
      ),
      reset_works: field(boolean, 'whether the device can be reset; true if not given'),
      iommufd_token: field(word, 'the iommufd of the session that it is attached to; none if not given'),
      config: field(configShape, 'what `rfc-config` keeps of the device'),
    }),
    'a VFIO PCI device',
  ),
  // The spec of a file says that this key has the type.
  compatible: (_, value) => stringOf(usualLayout(value as VfioSpec)),
  build: (value, builder, place) => {
    const spec = value as VfioSpec;
    const path = `${place.path}.vfio`;
    const profile = profileOf(spec, place.file.compatible, path);
    const bits = profile.domain === undefined ? 0 : profile.domain.size === 2 ? 16 : 32;
    const device = pciFunctionOf(spec.address, `${path}.address`, bits);
    const token = tokenOf(spec, profile, builder, place.session, `${path}.iommufd_token`);
    if (spec.reset_works !== undefined && profile.reset === undefined)
      throw buildError(
        'build-value',
        `${path}.reset_works`,
        `the layout ${profile.name} has no place for it`,
      );
    if (spec.config !== undefined && profile.schema !== VfioSerRfcConfig)
      throw buildError('build-value', `${path}.config`, `the layout ${profile.name} has no place for it`);
    const region = structOf(profile, spec, device, token, builder, path);
    return () => region.address;
  },
  saysCompatible: (compatible, _, value) => {
    // What the decoder of VFIO devices gives under this key.
    const layout = layoutOf(value as VfioValue);
    return compatible === stringOf(layout) ? {} : { compatible };
  },
  describe: (value, describer, { path }) => {
    const device = value as VfioValue;
    const layout = layoutOf(device);
    const { address, reset_works, iommufd_ser } = device;
    const config = describeConfig(device, describer, `${path}.vfio.config`);
    const token =
      iommufd_ser === undefined || iommufd_ser.token === 0 ? undefined : BigInt(iommufd_ser.token);
    const rest = {
      ...(reset_works === 0 ? { reset_works: false } : {}),
      ...(token === undefined ? {} : { iommufd_token: token }),
      // An empty one would say nothing, but that the layout is the one that has it.
      ...(config === undefined || Object.keys(config).length === 0 ? {} : { config }),
    };
    return {
      address,
      ...(layout === usualLayout({ address, ...rest }) ? {} : { layout }),
      ...rest,
    } satisfies VfioSpec;
  },
};

/** The layout of the latest posting that has what is given. */
function usualLayout({ layout, iommufd_token, config }: VfioSpec): VfioBuild {
  if (layout !== undefined) return layout;
  if (config !== undefined) return 'rfc-config';
  return iommufd_token === undefined ? 'v2-reset' : 'v2-iommufd';
}
/** The string that a layout goes by where nothing else is said. */
function stringOf(layout: VfioBuild): string {
  return layout.startsWith('rfc') ? 'vfio-v1' : layout.startsWith('v1') ? 'vfio-pci-v1' : 'vfio-pci-v2';
}
function layoutOf({ profile }: VfioValue): VfioBuild {
  return VFIO_BUILDS.find((name) => name === profile) ?? 'v2-reset';
}

function profileOf(spec: VfioSpec, compatible: string | undefined, path: string): VfioProfile {
  const wanted = compatible === undefined ? undefined : baseVersion(compatible);
  const usual = usualLayout(spec);
  const fits = (name: VfioBuild): boolean =>
    wanted === undefined ||
    VFIO_PROFILES.some((profile) => profile.name === name && profile.compatible.includes(wanted));
  // Of those that go by the string, the first that has what is given.
  const layout =
    spec.layout !== undefined || fits(usual)
      ? usual
      : VFIO_BUILDS.find(
          (name) =>
            fits(name) &&
            name.endsWith('-iommufd') === (spec.iommufd_token !== undefined) &&
            name.endsWith('-config') === (spec.config !== undefined),
        );
  const profile = VFIO_PROFILES.find(({ name }) => name === layout);
  if (profile === undefined || (wanted !== undefined && !profile.compatible.includes(wanted)))
    throw buildError(
      'build-value',
      `${path}.layout`,
      profile === undefined
        ? `no layout that has what is given goes by ${JSON.stringify(compatible)}`
        : `the layout ${profile.name} goes by ${profile.compatible.join(', ')}, not by ${JSON.stringify(compatible)}`,
    );
  return profile;
}

/** The token of the iommufd; 0 where there is none. */
function tokenOf(
  { iommufd_token }: VfioSpec,
  { name, token: place }: VfioProfile,
  builder: HandoverBuilder,
  session: string,
  path: string,
): number {
  if (iommufd_token === undefined) return 0;
  if (place === undefined)
    throw buildError('build-value', path, `the layout ${name} has no place for the token of an iommufd`);
  const { token } = namedFile(builder, session, IOMMUFD_FILE, iommufd_token, path);
  if (token === 0n || token >= 1n << 32n)
    throw buildError(
      'build-value',
      path,
      token === 0n
        ? 'a device cannot be attached to the iommufd 0: the token 0 says that it is attached to none'
        : `the device keeps 32 bits of the token, and 0x${token.toString(16)} has more`,
    );
  return Number(token);
}

function structOf(
  { name, schema, size }: VfioProfile,
  { reset_works = true, config = {} }: VfioSpec,
  { domain, bdf }: PciFunction,
  token: number,
  builder: HandoverBuilder,
  path: string,
): Region {
  const reset = reset_works ? 1 : 0;
  const iommufd_ser = { token };
  switch (schema) {
    case VfioSerRfcConfig: {
      const { state, ...rest } = buildConfig(config, builder, `${path}.config`);
      return builder.object(path, VfioSerRfcConfig, size, () => ({
        bdf,
        ...rest,
        reset_works: reset,
        pci_saved_state_phys: state?.address ?? 0n,
      }));
    }
    case VfioSerRfc:
      return builder.object(path, VfioSerRfc, size, () => ({ bdf }));
    case VfioSerV1:
      return builder.object(path, VfioSerV1, size, () => ({ bdf, domain }));
    case VfioSerV1Reset:
      return builder.object(path, VfioSerV1Reset, size, () => ({ bdf, domain, reset_works: reset }));
    case VfioSerV1Iommufd:
      return builder.object(path, VfioSerV1Iommufd, size, () => ({
        bdf,
        domain,
        reset_works: reset,
        iommufd_ser,
      }));
    case VfioSerV2:
      return builder.object(path, VfioSerV2, size, () => ({ bdf, domain }));
    case VfioSerV2Reset:
      return builder.object(path, VfioSerV2Reset, size, () => ({ bdf, domain, reset_works: reset }));
    case VfioSerV2Iommufd:
      return builder.object(path, VfioSerV2Iommufd, size, () => ({
        bdf,
        domain,
        reset_works: reset,
        iommufd_ser,
      }));
    default:
      throw buildError('build-value', path, `the layout ${name} is not built`);
  }
}
