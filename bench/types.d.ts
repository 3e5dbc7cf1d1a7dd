/** The words that the harness, the works and the contenders share. */

export type Bar =
  | {
      /** The label of the contender compared with. */
      vs: string;
      /** At most so many times its time ... */
      max?: number;
      /** ... or at least so many times as fast. */
      faster?: number;
    }
  | {
      /** The process's peak resident memory is below so many MiB. */
      maxMiB: number;
    };

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
  /** Of a process, what is compared: the time that it tells itself (if not given), or from its start to its end. */
  clock?: 'inside' | 'wall';
  /** At most so many processes for each contender. */
  runs?: number;
  contenders: ContenderEntry[];
  notes?: string;
}

export interface Work {
  /** File in bench/works, without `.mjs`. */
  file: string;
  groups: Group[];
  data?(group: Group): { items: number };
  drive?(group: Group, instance: Instance, data: never): Driver;
  /** What a fresh process runs, if not cold-process.mjs: the arguments of node. */
  command?(group: Group, entry: ContenderEntry, settings: Settings): string[];
  /** What such a process's output says. */
  answer?(group: Group, entry: ContenderEntry, settings: Settings, out: string): Answer;
}

/** What a fresh process answers. */
export interface Answer {
  status: 'ok' | 'absent' | 'wrong';
  reason?: string;
  /** The time of what is measured, in nanoseconds; without it, only the wall clock counts. */
  ns?: number;
  /** The peak of its resident memory. */
  mib?: number;
}

export interface Settings {
  quick: boolean;
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
  /** The largest peak of resident memory of its processes. */
  mib?: number;
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
