/** What is asked for when a stream of passt is to be built. Only where flows lead has no default. */
import type { ContentsSpec } from '../handover/spec.js';

/** Layouts of the stream that can be built. */
export const PASST_BUILDS = [
  'placeholder',
  'draft',
  'draft-typo',
  'passty',
  'skeleton-header',
  'skeleton-addresses',
  'v1',
  'v1-28772ee',
  'v1-cfb3740',
  'v2',
  'newer',
] as const;
export type PasstBuild = (typeof PASST_BUILDS)[number];

/** The state of a flow in numbers, as passt and the kernel have it; each has a default. */
export interface FlowNumbers {
  /** Linux's TCP state, by name or number. SKIP marks a flow that the source could not dump. */
  readonly tcpi_state?: string | number;
  readonly tcpi_options?: number;
  readonly events?: number;
  readonly flags?: number;
  readonly retries?: number;
  readonly ws_from_tap?: number;
  readonly ws_to_tap?: number;
  readonly tap_mss?: number;
  /** In units of 256 bytes. */
  readonly sndbuf?: number;
  readonly seq_dup_ack_approx?: number;
  readonly wnd_from_tap?: number;
  readonly wnd_to_tap?: number;
  readonly seq_to_tap?: number;
  readonly seq_ack_from_tap?: number;
  readonly seq_from_tap?: number;
  readonly seq_ack_to_tap?: number;
  readonly seq_init_from_tap?: number;
  readonly seq_snd?: number;
  readonly seq_rcv?: number;
  /** Lengths of the queues: only of a flow that is skipped, which has no queues. */
  readonly sndq?: number;
  readonly rcvq?: number;
  /** Bytes at the end of the send queue that were never sent. */
  readonly notsent?: number;
  readonly mss?: number;
  /** From version 2 on. */
  readonly timestamp?: number;
  readonly snd_wl1?: number;
  readonly snd_wnd?: number;
  readonly max_window?: number;
  readonly rcv_wnd?: number;
  readonly rcv_wup?: number;
  readonly snd_ws?: number;
  readonly rcv_ws?: number;
}

/** A TCP connection of the guest. Endpoints are written `192.0.2.1:80` and `[2001:db8::1]:80`. */
export interface FlowSpec extends FlowNumbers {
  /** Who began: a peer (`inbound`, the default) or the guest. */
  readonly direction?: 'inbound' | 'outbound';
  /** The peer. */
  readonly remote: string;
  /** The address of passt's own socket; `guest` if not given. */
  readonly local?: string;
  /** The guest's end; `local` if not given. */
  readonly guest?: string;
  /** The peer as the guest sees it; `remote` if not given. */
  readonly seen?: string;
  /** The interfaces of the side that began and of the other one, where they are not those of the direction. */
  readonly pif?: readonly number[];
  readonly send_queue?: ContentsSpec;
  readonly receive_queue?: ContentsSpec;
}

export interface GuestAddresses {
  readonly addr4?: string;
  readonly addr6?: string;
  readonly addr6_ll?: string;
  readonly mac?: string;
}

export interface PasstSpec {
  /** The layout; `v2`, that of every release since March 2025, if not given. */
  readonly generation?: PasstBuild;
  /** The machine that sends: `x86_64` (the default), `s390x`, `i386,timeSize=8`. */
  readonly abi?: string;
  /** Of the header: that of the generation if not given. */
  readonly version?: number;
  readonly compat_version?: number;
  /** Sizes of structs that the drafts' header tells. */
  readonly flow_size?: number;
  readonly flow_sidx_size?: number;
  /** The guest's addresses as passt last saw them; those of the flows if not given. */
  readonly addresses?: GuestAddresses;
  readonly flows?: readonly FlowSpec[];
  /** What stands behind the stream, which no target reads. */
  readonly trailing?: ContentsSpec;
}
