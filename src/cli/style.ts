/** Colours, by what they say; none where nobody asked for any. */
import pc from 'picocolors';
import type { Severity } from '../formats/format.js';
import type { NodeKind } from '../state/index.js';
import type { IO } from './io.js';

export type ColorMode = 'auto' | 'always' | 'never';
type Paint = (text: string) => string;

export interface Style {
  readonly colors: boolean;
  /** Offsets, types, what is only there for orientation. */
  readonly dim: Paint;
  readonly title: Paint;
  readonly name: Paint;
  readonly value: Paint;
  readonly good: Paint;
  readonly severity: Readonly<Record<Severity, Paint>>;
  readonly kind: Readonly<Record<NodeKind, Paint>>;
  /** One after the other, to tell neighbours apart. */
  readonly cycle: readonly Paint[];
}

/** `--color` decides; then NO_COLOR and FORCE_COLOR; then whether a terminal shows it. */
export function wantsColor(io: IO, mode: ColorMode, isTTY = io.stdoutIsTTY): boolean {
  if (mode !== 'auto') return mode === 'always';
  const { NO_COLOR, FORCE_COLOR, TERM } = io.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTTY && TERM !== 'dumb';
}

export function makeStyle(colors: boolean): Style {
  const c = pc.createColors(colors);
  return {
    colors,
    dim: c.dim,
    title: c.bold,
    name: c.cyan,
    value: (text) => text,
    good: c.green,
    severity: { error: c.red, warning: c.yellow, note: c.blue },
    kind: { field: (text) => text, padding: c.dim, reserved: c.yellow, tail: c.dim, unknown: c.red },
    cycle: [c.green, c.cyan, c.yellow, c.magenta, c.blue],
  };
}
