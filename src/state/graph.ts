/**
 * The objects of a handover and what leads from one to the other, as one graph: a value, which presentations
 * draw. Sessions and their files, FLBs, memory; IOMMUs, domains, devices, tables, owners.
 */
import { CarryoverError } from '../codec/index.js';
import type { StateCode } from './codes.js';
import { foldGraph } from './graph-fold.js';
import { addIommuStates } from './graph-iommu.js';
import { addSessions } from './graph-luo.js';
import { GraphMaker } from './graph-maker.js';
import { partOfGraph } from './graph-select.js';
import type { HandoverGraph } from './graph-types.js';
import type { HandoverState } from './handover.js';
import { handoverNodeAt, handoverTree } from './handover-tree.js';

export type { GraphEdge, GraphGroup, GraphKind, GraphNode, HandoverGraph } from './graph-types.js';

export interface GraphOptions {
  /** Only what hangs on the part at this path: it, what it leads to, and what leads to it. */
  readonly path?: string;
  /** Everything; without, of many things of one kind a few are shown, and how many more there are. */
  readonly all?: boolean;
}

/**
 * The graph of a handover, always in the same order.
 *
 * @throws `path-unknown` for a path that the value does not have, or with which no object of the graph is.
 */
export function handoverGraph(state: HandoverState, options: GraphOptions = {}): HandoverGraph {
  const maker = new GraphMaker(state);
  const { fdt, entries } = rootOf(state);
  maker.node({
    id: 'handover',
    kind: 'handover',
    path: '',
    lines: [`kho${state.generation === undefined ? '' : `@${state.generation}`}`, maker.preservedLine()],
    address: fdt,
  });
  addSessions(maker, entries);
  for (const name of Object.keys(entries)) {
    if (name === 'LUO') continue;
    const path = `entries.${name}`;
    maker.node({ id: path, kind: 'entry', path, lines: [name, ...maker.say(path)], parent: 'handover' });
    maker.edge('handover', path, '');
  }
  addIommuStates(maker, entries);
  let graph = maker.done(state.findings);
  if (options.path !== undefined) {
    // A path that does not exist is told as everywhere.
    const { path } = handoverNodeAt(handoverTree(state), options.path);
    const part = partOfGraph(graph, path) ?? partOfGraph(graph, objectAbove(graph, path));
    if (part === undefined)
      throw new CarryoverError('path-unknown', `no object of the graph is at ${JSON.stringify(path)}`);
    graph = part;
  }
  return options.all === true ? graph : foldGraph(graph);
}

/** Of a field, the object that has it; the path itself where that is only the whole. */
function objectAbove({ nodes }: HandoverGraph, path: string): string {
  let best = '';
  for (const { path: own } of nodes)
    if (own.length > best.length && path.startsWith(own) && /^[.[]/.test(path.slice(own.length))) best = own;
  return best === '' ? path : best;
}

function rootOf(state: HandoverState): {
  readonly fdt: bigint | undefined;
  readonly entries: Readonly<Record<string, unknown>>;
} {
  const value = state.memory?.handover.value;
  if (value === undefined)
    throw new CarryoverError(
      'input-no-memory' satisfies StateCode,
      'what leads where can only be said of an image of the memory',
    );
  return { fdt: value.fdt.address, entries: value.entries };
}
