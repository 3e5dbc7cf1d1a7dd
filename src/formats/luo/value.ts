/** What is decoded of the Live Update Orchestrator. */

export interface LuoFile {
  /** The handler's string. */
  readonly compatible: string;
  readonly token: bigint;
  /** The handler's own word. */
  readonly data: bigint;
  /** What the handler's decoder made of it, under its key: `memfd`. */
  readonly [key: string]: unknown;
}
export interface LuoSession {
  readonly name: string;
  readonly files: readonly LuoFile[];
  /** Whether there are files that could not be read: of which the dump lacks the list, or a part of it. */
  readonly files_incomplete?: true;
  /** For systemd's own session: the mapping in the file with token 0. */
  readonly systemd?: SystemdMapping;
}
export interface LuoFlb {
  readonly name: string;
  readonly data: bigint;
  /** How many preserved files depend on it. */
  readonly count: bigint;
  readonly [key: string]: unknown;
}
export interface LuoValue {
  readonly compatible: string;
  /** 1 on the first handover. */
  readonly liveupdate_num: bigint | undefined;
  readonly sessions: readonly LuoSession[];
  /** Whether there are sessions that could not be read: a list that is empty is then none. */
  readonly sessions_incomplete?: true;
  readonly flbs: readonly LuoFlb[];
  readonly flbs_incomplete?: true;
  /** Whether the device tree of luo-v1 has a node of FLBs, as from 7.0 on. */
  readonly flb_node?: boolean;
}

/** The file descriptors that systemd keeps. */
export interface SystemdMapping {
  /** What the mapping says; undefined where it cannot be read. */
  readonly mapping?: unknown;
  /** Why it cannot be read. */
  readonly problem?: string;
}
