/** The peers have no types that `nodenext` can resolve: this is the slice of them that the tests use. */
declare module 'binary-parser' {
  export const Parser: new () => import('../../src/interop/binary-parser.js').BinaryParser;
}
declare module 'restructure' {
  type R = import('../../src/interop/restructure.js').Restructure;
  export const DecodeStream: R['DecodeStream'];
  export const EncodeStream: R['EncodeStream'];
  export const Struct: R['Struct'];
  // biome-ignore lint/suspicious/noShadowRestrictedNames: that is what the library calls it.
  export const Array: R['Array'];
  export const uint8: R['uint8'];
  export const uint16le: R['uint16le'];
  export const uint16be: R['uint16be'];
  export const uint32le: R['uint32le'];
  export const uint32be: R['uint32be'];
  export const int8: R['int8'];
  export const int16le: R['int16le'];
  export const int16be: R['int16be'];
  export const int32le: R['int32le'];
  export const int32be: R['int32be'];
  // biome-ignore lint/suspicious/noShadowRestrictedNames: that is what the library calls it.
  export const String: new (
    length: unknown,
    encoding: string,
  ) => import('../../src/interop/restructure.js').RestructureType<string>;
  export const Buffer: new (
    length: unknown,
  ) => import('../../src/interop/restructure.js').RestructureType<Uint8Array>;
}
