/** Builds the IOMMU's state, and describes it. */
import type { IommuValue } from '../../formats/iommu/index.js';
import type { FlbBuilder } from '../handover/extension.js';
import { field } from '../spec/shape.js';
import { buildIommu } from './build.js';
import { describeIommu } from './describe.js';
import { iommuLayouts } from './layouts.js';
import { profileOf } from './model.js';
import { type IommuSpec, iommuShape } from './spec.js';

export type {
  IommuDeviceSpec,
  IommuDomainSpec,
  IommuMappingSpec,
  IommuSpec,
  IommuUnitSpec,
} from './spec.js';

export const iommuBuilder: FlbBuilder = {
  key: 'iommu',
  field: field(iommuShape, "the IOMMU's state; the name follows from its layout"),
  // The shape of the field says that it has the type.
  dependsOn: 'iommufd-',
  flbName: (_builder, value) => profileOf(value as IommuSpec).compatible,
  build: (value, builder, path) => buildIommu(value as IommuSpec, builder, `${path}.iommu`),
  // What the decoder gives under this key.
  describe: (value, describer, path) => describeIommu(value as IommuValue, describer, path),
  layouts: iommuLayouts,
};
