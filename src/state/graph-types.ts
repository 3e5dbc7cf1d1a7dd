/** A graph of a handover as a value: what presentations draw. */
import type { Severity } from '../formats/format.js';

export type GraphKind =
  /** The root of the whole, and the nodes that it names. */
  | 'handover'
  | 'entry'
  | 'session'
  | 'file'
  | 'memory'
  | 'flb'
  | 'pci-device'
  /** The state of all IOMMUs: its layout. */
  | 'iommu-state'
  | 'iommu'
  | 'domain'
  | 'device'
  /** Page tables of a domain. */
  | 'page-tables'
  /** What an IOMMU reads: root tables, stream tables, directories of PASIDs. */
  | 'hardware-table'
  /** A number that stands for an owner of DMA that is not among the files. */
  | 'owner'
  /** What something leads to that is not there. */
  | 'missing';

export interface GraphNode {
  /** Stable: the path of what it stands for, with a suffix for what has none of its own. */
  readonly id: string;
  readonly kind: GraphKind;
  /** What it is, and then what there is to say of it; plain text. */
  readonly lines: readonly string[];
  /** In the value of the handover, as `--path` takes it. */
  readonly path: string;
  /** Physical. */
  readonly address?: bigint;
  /** The worst of the findings about it. */
  readonly severity?: Severity;
  /** Names of the rules that were broken. */
  readonly rules: readonly string[];
  /** The group that it is drawn in. */
  readonly group?: string;
  /** The node that it belongs to: folded with it. */
  readonly parent?: string;
  /** How many nodes it stands for, where it stands for more than one. */
  readonly folded?: number;
}
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** How many edges it stands for, where it stands for more than one. */
  readonly folded?: number;
}
export interface GraphGroup {
  readonly id: string;
  readonly label: string;
}
export interface HandoverGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly groups: readonly GraphGroup[];
}
