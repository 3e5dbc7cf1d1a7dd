/** The words that the harness, the works and the contenders share. */

export interface Bar {
  /** The label of the contender compared with. */
  vs: string;
  /** At most so many times its time ... */
  max?: number;
  /** ... or at least so many times as fast. */
  faster?: number;
}

export interface ContenderEntry {
  /** Shown in the table; unique in its group. */
  label: string;
  /** File in bench/contenders, without `.mjs`. */
  file: string;
  /** Which of the file's `tasks`. */
  task: string;
  bars?: Bar[];
  /** Left out without a word while its file does not exist yet. */
  optional?: boolean;
}

/** What a task gives: `pass` does all the data's items once. */
export type Instance = Record<string, unknown>;

export interface Driver {
  /** Throws unless the contender's results are right. Runs once, before any timing. */
  verify(): void | Promise<void>;
  /** Does every item once. */
  pass?(): void;
  /** Instead of `pass`, for contenders outside this process: nanoseconds of so many passes. */
  timedPasses?(passes: number): Promise<number>;
  close?(): void;
}

export interface Group {
  id: string;
  title: string;
  /** What one item is: 'record', 'header', ... */
  unit: string;
  /** The label that `ratio` refers to. */
  reference: string;
  /** Handed to the work's `data`. */
  options?: Record<string, unknown>;
  /** 'process' measures whole fresh processes (cold start). */
  kind?: 'rounds' | 'process';
  contenders: ContenderEntry[];
  notes?: string;
}

export interface Work {
  /** File in bench/works, without `.mjs`. */
  file: string;
  groups: Group[];
  data?(group: Group): { items: number };
  drive?(group: Group, instance: Instance, data: never): Driver;
}

export interface Settings {
  rounds: number;
  roundMs: number;
  warmMs: number;
  coldRuns: number;
}

export interface BarResult {
  bar: Bar;
  measured: number | null;
  met: boolean | null;
}

export interface Row {
  label: string;
  status: 'ok' | 'absent' | 'wrong';
  reason?: string;
  ns?: number;
  low?: number;
  high?: number;
  ratio?: number | null;
  wallMs?: number;
  bars: BarResult[];
}

export interface GroupResult {
  id: string;
  title: string;
  unit: string;
  reference: string;
  notes?: string;
  rows: Row[];
}
