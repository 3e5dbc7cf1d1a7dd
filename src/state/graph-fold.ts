/** Folds a large graph: of many nodes of one kind that belong to the same one, a few are shown. */
import type { Severity } from '../formats/format.js';
import { worse } from './graph-maker.js';
import type { GraphEdge, GraphKind, GraphNode, HandoverGraph } from './graph-types.js';

/** Nodes of a kind that are shown below one node; one more than these is shown as well. */
const SHOWN: Readonly<Record<GraphKind, number>> = {
  handover: 1,
  entry: 16,
  session: 6,
  file: 6,
  memory: 4,
  flb: 16,
  'pci-device': 6,
  'iommu-state': 4,
  iommu: 8,
  domain: 6,
  device: 4,
  'page-tables': 4,
  'hardware-table': 2,
  owner: 4,
  missing: 4,
};
const NAMES: Readonly<Record<GraphKind, string>> = {
  handover: 'handovers',
  entry: 'entries',
  session: 'sessions',
  file: 'files',
  memory: 'pieces of memory of files',
  flb: 'FLBs',
  'pci-device': 'PCI devices',
  'iommu-state': 'IOMMU states',
  iommu: 'IOMMUs',
  domain: 'domains',
  device: 'devices',
  'page-tables': 'sets of page tables',
  'hardware-table': 'tables of the hardware',
  owner: 'owners',
  missing: 'things that are not there',
};

/** Nodes that a picture can have and still be looked at as a whole. */
const MANY = 100;
/** What the limits are divided by, until that holds. */
const DIVISORS = [1, 1.5, 2, 3, 4, 6] as const;

/** The graph with one node for all that is too much. Nodes with findings are shown before others. */
export function foldGraph(graph: HandoverGraph): HandoverGraph {
  let folded = graph;
  for (const divisor of DIVISORS) {
    if (folded.nodes.length <= MANY) break;
    folded = foldedBy(graph, (kind) => Math.max(1, Math.floor(SHOWN[kind] / divisor)));
  }
  return folded;
}

function foldedBy(graph: HandoverGraph, limitOf: (kind: GraphKind) => number): HandoverGraph {
  const byId = new Map(graph.nodes.map((node) => [node.id, node]));
  const siblings = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) {
    if (node.parent === undefined || !byId.has(node.parent)) continue;
    const key = classOf(node);
    const list = siblings.get(key);
    if (list === undefined) siblings.set(key, [node]);
    else list.push(node);
  }
  const shown = new Set<string>();
  for (const list of siblings.values()) for (const { id } of firstOf(list, limitOf)) shown.add(id);

  // Each node stands for itself, or is in a bundle with those of its kind that are not shown.
  const bundles = new Map<string, Bundle>();
  const standIn = new Map<string, string>();
  const resolve = (node: GraphNode): string => {
    const known = standIn.get(node.id);
    if (known !== undefined) return known;
    const parent = node.parent === undefined ? undefined : byId.get(node.parent);
    let id = node.id;
    if (parent !== undefined) {
      const above = resolve(parent);
      if (above !== parent.id) id = `${above}/${node.kind}`;
      else if (!shown.has(node.id)) id = `${parent.id}#more ${node.kind}`;
    }
    standIn.set(node.id, id);
    return id;
  };
  const nodes: (GraphNode | Bundle)[] = [];
  for (const node of graph.nodes) {
    const id = resolve(node);
    if (id === node.id) {
      nodes.push(node);
      continue;
    }
    const known = bundles.get(id);
    if (known === undefined) {
      const bundle: Bundle = { id, members: [node] };
      bundles.set(id, bundle);
      nodes.push(bundle);
    } else known.members.push(node);
  }
  const list = nodes.map((node) => ('members' in node ? bundled(node, standIn) : node));
  const groups = new Set(list.map(({ group }) => group));
  return {
    nodes: list,
    edges: mergedEdges(graph.edges, standIn),
    groups: graph.groups.filter(({ id }) => groups.has(id)),
  };
}

interface Bundle {
  readonly id: string;
  readonly members: GraphNode[];
}

/** Nodes that compete for being shown: files also by what they are, so that rare ones are not lost in many. */
function classOf({ kind, parent, lines }: GraphNode): string {
  return JSON.stringify([parent, kind, kind === 'file' ? lines[0] : '']);
}

const RANK: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };

function firstOf(list: readonly GraphNode[], limitOf: (kind: GraphKind) => number): readonly GraphNode[] {
  const [first] = list;
  const limit = first === undefined ? 0 : limitOf(first.kind);
  if (list.length <= limit + 1) return list;
  const rank = ({ severity }: GraphNode): number => (severity === undefined ? 3 : RANK[severity]);
  return [...list].sort((a, b) => rank(a) - rank(b)).slice(0, limit);
}

function bundled({ id, members }: Bundle, standIn: ReadonlyMap<string, string>): GraphNode {
  const [first] = members;
  const last = members.at(-1);
  if (first === undefined || last === undefined) throw new Error('a bundle has members');
  const titles = members.map(({ lines }) => lines[0] ?? '');
  const kinds = new Set(titles);
  const named =
    kinds.size === 1
      ? [titles[0] ?? '']
      : [titles[0] ?? '', ...(members.length > 2 ? ['…'] : []), titles.at(-1) ?? ''];
  const severity = members.reduce<Severity | undefined>(
    (worst, each) =>
      each.severity === undefined ? worst : worst === undefined ? each.severity : worse(worst, each.severity),
    undefined,
  );
  const group = members.every((each) => each.group === first.group) ? first.group : undefined;
  const parent = first.parent === undefined ? undefined : standIn.get(first.parent);
  return {
    id,
    kind: first.kind,
    lines: [`${members.length} more ${NAMES[first.kind]}`, ...named],
    path: first.path,
    rules: [...new Set(members.flatMap(({ rules }) => rules))],
    folded: members.length,
    ...(severity === undefined ? {} : { severity }),
    ...(group === undefined ? {} : { group }),
    ...(parent === undefined ? {} : { parent }),
  };
}

function mergedEdges(edges: readonly GraphEdge[], standIn: ReadonlyMap<string, string>): GraphEdge[] {
  const merged = new Map<string, { edge: GraphEdge; labels: Set<string>; count: number }>();
  for (const edge of edges) {
    const from = standIn.get(edge.from) ?? edge.from;
    const to = standIn.get(edge.to) ?? edge.to;
    // What leads from one to another of the same bundle says nothing any more.
    if (from === to && from !== edge.from) continue;
    const isSame = from === edge.from && to === edge.to;
    // Edges between nodes that are shown stay apart, whatever their labels.
    const key = JSON.stringify(isSame ? [from, to, edge.label] : [from, to]);
    const known = merged.get(key);
    if (known === undefined)
      merged.set(key, { edge: { from, to, label: edge.label }, labels: new Set([edge.label]), count: 1 });
    else {
      known.count++;
      known.labels.add(edge.label);
    }
  }
  return [...merged.values()].map(({ edge, labels, count }) => {
    if (count === 1) return edge;
    const [label = ''] = labels;
    // Of labels that differ, the words before their numbers are what they have in common.
    const shared = labels.size === 1 ? label : (/^[a-z ]+(?= )/i.exec(label)?.[0] ?? '');
    return { ...edge, label: shared === '' ? '' : `${count} × ${shared}`, folded: count };
  });
}
