/** The parts of a handover in other layouts of theirs: each by what builds it. */
import { suggest } from '../../codec/suggest.js';
import { buildError } from '../build-error.js';
import type { BuildRegistry, Conversion, Layouts } from './extension.js';
import type { FileSpec, FlbSpec, HandoverSpec, SessionSpec } from './spec.js';
import { summed } from './told.js';

export interface ToldSpec {
  readonly spec: HandoverSpec;
  readonly dropped: readonly string[];
  readonly supplied: readonly string[];
}

/** The layout of each format that is asked for, by its name as it is spelt. */
function wantedOf(
  parts: Readonly<Record<string, string>>,
  known: readonly Layouts[],
): ReadonlyMap<string, string> {
  const wanted = new Map<string, string>();
  for (const [format, name] of Object.entries(parts)) {
    const layouts = known.find((each) => each.format === format);
    if (layouts === undefined)
      throw buildError(
        'build-value',
        format,
        `${format} is no part that can be converted; kho, luo, memfd, ${known.map((each) => each.format).join(', ')} are`,
      );
    const found = layouts.names.find((each) => each.toLowerCase() === name.toLowerCase());
    if (found === undefined) {
      const near = suggest(name, layouts.names);
      const hint = near === undefined ? `there are ${layouts.names.join(', ')}` : `did you mean ${near}?`;
      throw buildError('build-value', format, `${format} has no layout ${JSON.stringify(name)}; ${hint}`);
    }
    wanted.set(format, found);
  }
  return wanted;
}

function hasPart(
  { sessions = [], flbs = [] }: HandoverSpec,
  format: string,
  registry: BuildRegistry,
): boolean {
  const isOf = (part: FileSpec | FlbSpec, { key, layouts }: { key: string; layouts?: Layouts }): boolean =>
    layouts?.format === format && part[key] !== undefined;
  return (
    sessions.some(({ files = [] }) =>
      files.some((file) => registry.files.some((each) => isOf(file, each))),
    ) || flbs.some((flb) => registry.flbs.some((each) => isOf(flb, each)))
  );
}

/**
 * Parts in the layouts that are asked for; their names and strings are those of the new layouts.
 *
 * @throws `build-value` for parts and layouts that do not exist, and for parts that the state does not have.
 * Those that only `source` has were told when they were left out.
 */
export function withLayouts(
  spec: HandoverSpec,
  source: HandoverSpec,
  parts: Readonly<Record<string, string>>,
  registry: BuildRegistry,
): ToldSpec {
  const known = [...registry.files, ...registry.flbs].flatMap(({ layouts }) => layouts ?? []);
  const wanted = wantedOf(parts, known);
  for (const format of wanted.keys())
    if (!hasPart(source, format, registry))
      throw buildError('build-value', format, `the state has no part ${format}`);
  const dropped: string[] = [];
  const supplied: string[] = [];
  const { sessions = [], flbs = [] } = spec;

  const convert = (part: unknown, layouts: Layouts, path: string): { value: unknown; changed: boolean } => {
    const current = layouts.of(part);
    const layout = wanted.get(layouts.format) ?? current;
    const conversion: Conversion = {
      sessions,
      lost: (text) => void dropped.push(`${path}.${text}`),
      supplied: (text) => void supplied.push(`${path}.${text}`),
    };
    return { value: layouts.convert(part, layout, conversion), changed: layout !== current };
  };
  const fileOf = (file: FileSpec, path: string): readonly FileSpec[] => {
    const builder = registry.files.find(({ key }) => file[key] !== undefined);
    if (builder?.layouts === undefined) return [file];
    const { value, changed } = convert(file[builder.key], builder.layouts, `${path}.${builder.key}`);
    if (value === undefined) return [];
    const { compatible, ...rest } = file;
    return [{ ...(changed || compatible === undefined ? rest : file), [builder.key]: value }];
  };
  const flbOf = (flb: FlbSpec, path: string): readonly FlbSpec[] => {
    const builder = registry.flbs.find(({ key }) => flb[key] !== undefined);
    if (builder?.layouts === undefined) return [flb];
    const { value, changed } = convert(flb[builder.key], builder.layouts, `${path}.${builder.key}`);
    if (value === undefined) return [];
    const { name, ...rest } = flb;
    return [{ ...(changed || name === undefined ? rest : flb), [builder.key]: value }];
  };
  const converted: HandoverSpec = {
    ...spec,
    ...(spec.sessions === undefined
      ? {}
      : {
          sessions: sessions.map(
            (session, i): SessionSpec =>
              session.files === undefined
                ? session
                : {
                    ...session,
                    files: session.files.flatMap((file, j) => fileOf(file, `sessions[${i}].files[${j}]`)),
                  },
          ),
        }),
    ...(spec.flbs === undefined ? {} : { flbs: flbs.flatMap((flb, i) => flbOf(flb, `flbs[${i}]`)) }),
  };
  return { spec: converted, dropped: summed(dropped), supplied: summed(supplied) };
}
