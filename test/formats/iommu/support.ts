/** Opens built images and finds the IOMMU's state in them. */
import type { IommuValue } from '../../../src/formats/iommu/index.js';
import { type Handover, type HandoverOptions, openHandover } from '../../../src/formats/kho/index.js';
import type { LuoValue } from '../../../src/formats/luo/index.js';
import type { BuiltIommu } from './builder.js';

export function opened(built: BuiltIommu, options: HandoverOptions = {}): Handover {
  const image = built.memory.image(built.pageSize === 4096 ? 62 : 183);
  return openHandover(image, { khoFdt: BigInt(built.root), ...options });
}
export function iommuOf(handover: Handover): IommuValue {
  const luo = handover.value.entries.LUO as LuoValue | undefined;
  const found = luo?.flbs.find((flb) => flb.iommu !== undefined);
  if (found === undefined) throw new Error('there is no state of an IOMMU');
  return found.iommu as IommuValue;
}
/** Names of the rules that were broken, each once; what the memory of tables leaves to nobody is not of interest. */
export function broken(handover: Handover): string[] {
  return [...new Set(handover.findings.map(({ rule }) => rule))]
    .filter((rule) => rule !== 'kho/opaque')
    .sort();
}
