/**
 * What is asked for when a handover is to be built, from code or from a file. Everything has a default that
 * makes the shortest request a valid one: `{}` is a handover of the newest kernel that preserves nothing.
 */

/** Numbers of up to 64 bits. */
export type Word = number | bigint;

/** A part of the content of a file or a region. Its length is that of what it holds, or `size`. */
export type PieceSpec = {
  /** Where it begins, in bytes; behind the one before if not given. What no piece covers is a hole. */
  readonly at?: Word;
  /** In bytes. Longer than what it holds: it is repeated (`fill`) or followed by zeros. */
  readonly size?: Word;
} & (
  | { readonly text: string }
  | { readonly hex: string }
  | { readonly bytes: Uint8Array }
  /** The content of a file, from `offset` on. */
  | { readonly file: string; readonly offset?: Word }
  /** `zeros`; `offsets`: each 8 bytes say where they are; `random`, from `seed`; or hex to be repeated. */
  | { readonly fill: string; readonly seed?: number }
  /** Nothing was ever written there. */
  | { readonly hole: true }
  /** Something was, and the image does not have it. */
  | { readonly absent: true }
);
/** Text, bytes, or pieces. */
export type ContentsSpec = string | Uint8Array | readonly PieceSpec[];

/** Folios that follow each other in the file and in memory. */
export interface FolioSpec {
  /** Place in the file, in pages; behind the one before if not given. */
  readonly index?: Word;
  /** log2 of the pages of each. */
  readonly order?: number;
  readonly count?: number;
  /** 1 DIRTY, 2 UPTODATE; both if not given. */
  readonly flags?: number;
  /** Physical address of the first one. */
  readonly at?: Word;
}

export interface MemfdSpec {
  /** In bytes; as long as the contents if not given. */
  readonly size?: Word;
  /** Position of the file. */
  readonly pos?: Word;
  /** F_SEAL_*; 1 (F_SEAL_SEAL) if not given, as of a memfd that takes no seals. From memfd-v2 on. */
  readonly seals?: number;
  readonly flags?: number;
  readonly contents?: ContentsSpec;
  /** Order of the folios where none are listed. */
  readonly folio_order?: number;
  /** Which folios there are; one for each page of the contents that is no hole if not given. */
  readonly folios?: readonly FolioSpec[];
}

/** A file of a session. One key names its handler and says what the handler left: `memfd`. */
export interface FileSpec {
  readonly token: Word;
  /** The handler's string; that of the kernel's generation if not given. */
  readonly compatible?: string;
  /** The handler's own word, where no key says what it points at. */
  readonly data?: Word;
  readonly memfd?: MemfdSpec;
  readonly [handler: string]: unknown;
}
export interface SessionSpec {
  readonly name: string;
  readonly files?: readonly FileSpec[];
}
/** File-lifecycle-bound data. One key may name what it is and say what it holds: `iommu`. */
export interface FlbSpec {
  readonly name?: string;
  readonly data?: Word;
  /** How many files depend on it; all of them if not given. */
  readonly count?: Word;
  readonly [key: string]: unknown;
}
export interface ReserveMemSpec {
  readonly size?: Word;
  readonly at?: Word;
  readonly contents?: ContentsSpec;
}
export interface ScratchSpec {
  readonly addr: Word;
  readonly size: Word;
}
export interface BlobSpec {
  readonly contents: ContentsSpec;
  readonly at?: Word;
}
/** Preserved memory without an owner that anybody knows. */
export interface PreservedSpec {
  readonly at?: Word;
  readonly order?: number;
  readonly count?: number;
  readonly contents?: ContentsSpec;
}
export interface KhoTestSpec {
  readonly folios: readonly {
    readonly order?: number;
    readonly at?: Word;
    /** Random if not given. */
    readonly contents?: ContentsSpec;
  }[];
  /** How many folios there are, where the image does not have the list of them; `folios` is empty then. */
  readonly nr_folios?: number;
  /** What random contents follow from. */
  readonly seed?: number;
  /** The checksum; that of the contents if not given. */
  readonly csum?: number;
}
export interface MetadataSpec {
  readonly previous_release?: string;
  readonly kexec_count?: number;
}

export const KHO_BUILDS = ['v1a', 'v1b', 'v2', 'v2-first', 'v3', 'v4'] as const;
export const LUO_BUILDS = ['v1-6.19', 'v1', 'v2', 'v3', 'v4', 'v5'] as const;
export const MEMFD_BUILDS = ['v1', 'v2'] as const;

export interface HandoverSpec {
  /** The release of Linux that hands over, 6.16 to 7.3; the newest one if neither it nor generations are given. */
  readonly kernel?: string;
  /** The layout of the root and its map. `v2-first` is v2 as first committed, a level short with 16 KiB pages. */
  readonly kho?: (typeof KHO_BUILDS)[number];
  /** The layout of sessions. `v1-6.19` has no node of FLBs. */
  readonly luo?: (typeof LUO_BUILDS)[number];
  readonly memfd?: (typeof MEMFD_BUILDS)[number];
  /** The machine: `x86_64` (the default), `aarch64`, or any other of 64 bits. */
  readonly abi?: string;
  /** 4096, 16384 or 65536; the machine's usual one if not given. */
  readonly page_size?: number;
  readonly memory?: {
    /** Where automatic addresses begin; 16 MiB if not given. */
    readonly base?: Word;
    /** Gaps between what is built follow from it; none if not given. */
    readonly seed?: number;
  };
  readonly scratch?: readonly ScratchSpec[];
  readonly liveupdate_num?: Word;
  readonly sessions?: readonly SessionSpec[];
  readonly flbs?: readonly FlbSpec[];
  readonly memblock?: Readonly<Record<string, ReserveMemSpec>>;
  /** From 7.1 on; false leaves it out. */
  readonly metadata?: MetadataSpec | false;
  readonly kho_test?: KhoTestSpec;
  /** Nodes that nobody knows, by their names. */
  readonly blobs?: Readonly<Record<string, BlobSpec>>;
  readonly preserved?: readonly PreservedSpec[];
}
