/** The part of a graph that hangs on a path. */
import type { HandoverGraph } from './graph-types.js';

/**
 * The nodes at a path and below it, all that they lead to, and what leads to them directly. Undefined where no
 * node is there.
 */
export function partOfGraph(graph: HandoverGraph, path: string): HandoverGraph | undefined {
  const start = graph.nodes.filter((node) => isAtOrBelow(node.path, path)).map(({ id }) => id);
  if (start.length === 0) return undefined;
  const leads = new Map<string, string[]>();
  for (const { from, to } of graph.edges) leads.set(from, [...(leads.get(from) ?? []), to]);
  const kept = new Set(start);
  const open = [...start];
  for (let id = open.pop(); id !== undefined; id = open.pop())
    for (const to of leads.get(id) ?? [])
      if (!kept.has(to)) {
        kept.add(to);
        open.push(to);
      }
  const first = new Set(start);
  for (const { from, to } of graph.edges) if (first.has(to)) kept.add(from);
  const nodes = graph.nodes.filter(({ id }) => kept.has(id));
  const groups = new Set(nodes.map(({ group }) => group));
  return {
    nodes,
    edges: graph.edges.filter(({ from, to }) => kept.has(from) && kept.has(to)),
    groups: graph.groups.filter(({ id }) => groups.has(id)),
  };
}

function isAtOrBelow(path: string, above: string): boolean {
  return above === '' || path === above || (path.startsWith(above) && /^[.[]/.test(path.slice(above.length)));
}
