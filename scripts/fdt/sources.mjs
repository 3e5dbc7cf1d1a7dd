/** Device tree sources that the goldens are compiled from, by name. */
export const sources = {
  empty: '/dts-v1/;\n/ { };\n',
  reservations: `/dts-v1/;
/memreserve/ 0x10000000 0x4000;
/memreserve/ 0xfedcba9876543210 0x1;
/ { #address-cells = <2>; #size-cells = <2>; };
`,
  values: `/dts-v1/;
/ {
  empty;
  one = [00];
  bytes = [01 02 03 04 05];
  seven = [01 02 03 04 05 06 07];
  eight = [01 02 03 04 05 06 07 08];
  nine = [01 02 03 04 05 06 07 08 09];
  cell = <0x12345678>;
  cells = <1 2 3 4 5>;
  wide = /bits/ 64 <0x123456789abcdef0>;
  half = /bits/ 16 <0x1234 0x5678 0x9abc>;
  text = "hello";
  list = "a-first", "b-second", "c-third";
  escapes = "tab\\tquote\\"back\\\\slash\\nline\\a\\b\\v\\f\\r";
  short = "a";
  nothing = "";
  nulls = [00 00 00 00];
  high = "caf\\xc3\\xa9";
  mixed = "text", <1 2>, [ff];
};
`,
  suffixes: `/dts-v1/;
/ {
  device-name = <1>;
  name-of-all = <2>;
  compatible = "suffix,test";
  patible = <3>;
  e = <4>;
  size = <5>;
  a { blob-size = <6>; size = <7>; preserved-blob-size = <8>; };
  b { preserved-blob-size = <9>; blob-size = <10>; };
};
`,
  tree: `/dts-v1/;
/memreserve/ 0x80000000 0x100000;
/ {
  #address-cells = <1>;
  #size-cells = <1>;
  model = "carryover,test";
  compatible = "carryover,test", "linux,dummy-virt";
  aliases { serial0 = &uart; cpu0 = &cpu0; };
  chosen {
    bootargs = "console=ttyS0 root=/dev/vda";
    linux,kho-fdt = <0x0 0x4f8000 0x0 0x1000>;
    linux,kho-scratch = <0x0 0x7d3f0000 0x0 0x30>;
  };
  cpus {
    #address-cells = <1>;
    #size-cells = <0>;
    cpu0: cpu@0 { device_type = "cpu"; reg = <0>; };
    cpu@1 { device_type = "cpu"; reg = <1>; cache { level = <2>; }; };
  };
  memory@80000000 { device_type = "memory"; reg = <0x80000000 0x10000000>; };
  soc {
    #address-cells = <1>;
    #size-cells = <1>;
    ranges;
    intc: interrupt-controller@1000 { interrupt-controller; #interrupt-cells = <1>; reg = <0x1000 0x100>; };
    uart: serial@2000 { reg = <0x2000 0x100>; interrupt-parent = <&intc>; interrupts = <7>; status = "okay"; };
  };
};
`,
  deep: `/dts-v1/;\n/ { ${Array.from({ length: 40 }, (_, i) => `n${i} { level = <${i} ${i}>; `).join('')}${'}; '.repeat(40)}};\n`,
};
