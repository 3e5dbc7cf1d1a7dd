/**
 * Which fields decide about others: lengths, block sizes, tags, versions, conditions. Found ahead of
 * generating, so that a field is given a value that what depends on it can live with.
 */
import type {
  BlockPlan,
  FieldPlan,
  Plan,
  PlanCondition,
  PlanKind,
  PlanOf,
  PlanRef,
  StructPlan,
} from '../codec/plan.js';

/** What depends on one field. */
export interface Need {
  /** Arrays, bytes and texts that are as long as the field says. */
  lengths: Plan[];
  /** Blocks whose size it is. */
  blocks: BlockPlan[];
  /** Values that a tagged union knows. */
  tags: string[];
  /** For each versioned part, the values it knows. */
  versions: string[][];
  conditions: PlanCondition[];
}
export interface Needs {
  readonly of: ReadonlyMap<FieldPlan, Need>;
  /** Arrays, bytes and texts of which a derived field is the exact length. */
  readonly counted: ReadonlySet<Plan>;
}

const cache = new WeakMap<Plan, Needs>();

export function needsOf(plan: Plan): Needs {
  let known = cache.get(plan);
  if (known === undefined) {
    const search = new Search();
    walk(plan, search);
    known = { of: search.needs, counted: search.counted };
    cache.set(plan, known);
  }
  return known;
}

class Search {
  readonly needs = new Map<FieldPlan, Need>();
  readonly counted = new Set<Plan>();
  readonly stack: StructPlan[] = [];

  /** What is needed of the fields that a reference may mean; none if it is a parameter or behind a pointer. */
  from(ref: PlanRef): Need[] {
    const struct =
      ref.up < 0 || ref.through !== undefined ? undefined : this.stack[this.stack.length - 1 - ref.up];
    if (struct === undefined) return [];
    return fieldsAt(struct, ref.path).map((field) => {
      let need = this.needs.get(field);
      if (need === undefined) {
        need = { lengths: [], blocks: [], tags: [], versions: [], conditions: [] };
        this.needs.set(field, need);
      }
      return need;
    });
  }
}

function walk(plan: Plan, search: Search): void {
  (walkers[plan.kind] as (plan: Plan, search: Search) => void)(plan, search);
}

const leaf = (): void => {};
const counted = (plan: PlanOf<'chars' | 'bytes' | 'array'>, search: Search): void => {
  if (plan.length.length === 'ref') for (const need of search.from(plan.length.ref)) need.lengths.push(plan);
};

const walkers: { [K in PlanKind]: (plan: PlanOf<K>, search: Search) => void } = {
  int: leaf,
  bits: leaf,
  foreign: leaf,
  chars: counted,
  bytes: counted,
  array: (plan, search) => {
    counted(plan, search);
    walk(plan.element, search);
  },
  struct: (plan, search) => {
    search.stack.push(plan);
    for (const field of fieldsOf(plan)) {
      if (field.when !== undefined)
        for (const need of search.from(field.when.ref)) need.conditions.push(field.when);
      if (field.derived?.rule === 'count')
        for (const target of fieldsAt(plan, field.derived.of.split('.'))) search.counted.add(target.plan);
      walk(field.plan, search);
    }
    search.stack.pop();
  },
  union: (plan, search) => {
    for (const member of plan.members) walk(member.plan, search);
  },
  tagged: (plan, search) => {
    for (const need of search.from(plan.by)) need.tags.push(...plan.arms.keys());
    for (const member of plan.members) walk(member.plan, search);
  },
  versioned: (plan, search) => {
    for (const need of search.from(plan.by)) need.versions.push([...plan.cases.keys()]);
    for (const type of plan.cases.values()) walk(type, search);
  },
  block: (plan, search) => {
    if (plan.length.length === 'ref') for (const need of search.from(plan.length.ref)) need.blocks.push(plan);
    walk(plan.type, search);
  },
};

/** The fields of a struct in their order, those of variable size included. */
export function fieldsOf(plan: StructPlan): FieldPlan[] {
  return plan.segments.flatMap((segment) => [
    ...segment.items.filter((item) => item.item === 'field'),
    ...(segment.variable === undefined ? [] : [segment.variable]),
  ]);
}

/** The fields that a path may lead to: several where a part has versions. */
function fieldsAt(plan: Plan, path: readonly string[]): FieldPlan[] {
  const [first, ...others] = path;
  switch (plan.kind) {
    case 'struct':
    case 'union':
    case 'tagged': {
      const fields = plan.kind === 'struct' ? fieldsOf(plan) : plan.members;
      return fields.flatMap((field) => {
        if (field.inline) return fieldsAt(field.plan, path);
        if (field.key !== first) return [];
        return others.length === 0 ? [field] : fieldsAt(field.plan, others);
      });
    }
    case 'versioned':
      return [...plan.cases.values()].flatMap((type) => fieldsAt(type, path));
    case 'block':
      return fieldsAt(plan.type, path);
    default:
      return [];
  }
}
