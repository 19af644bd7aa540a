// A calm tile for a product without a picture: a few shapes and a colour that follow from its id, so that it has the same tile
// everywhere.

// FNV-1a: small, and spreads ids that differ in one digit.
export function hashOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 12)) >>> 0;
}

const TONES = 6;

export function Placeholder({ id }: { id: string }) {
  const h = hashOf(id);
  const bit = (at: number, count: number) => (h >>> at) % count;
  const colour = `tone-${bit(20, TONES)}`;
  const turn = bit(3, 4) * 90;
  const shift = bit(7, 5) * 4;
  const shapes = [
    <>
      <circle class="back" cx={34 + shift} cy={42} r={30} />
      <circle class="front" cx={64} cy={66 - shift / 2} r={20} />
    </>,
    <>
      <path class="back" d={`M0 ${64 - shift} Q 25 ${40 - shift} 50 ${60 - shift} T 100 ${52 - shift} V100 H0Z`} />
      <circle class="front" cx={30 + shift} cy={30} r={13} />
    </>,
    <>
      <rect class="back" x={18} y={20 + shift / 2} width={46} height={46} rx={6} />
      <rect class="front" x={46 - shift / 2} y={48} width={34} height={34} rx={17} />
    </>,
    <>
      <path class="back" d={`M14 86 A 36 36 0 0 1 86 86 Z`} />
      <path class="front" d={`M50 14 A ${20 + shift / 2} ${20 + shift / 2} 0 0 1 ${70 + shift / 2} 34 L50 34Z`} />
    </>,
    <>
      <path class="back" d="M50 12 L88 78 H12 Z" />
      <circle class="front" cx={50} cy={60 - shift / 2} r={14} />
    </>,
  ];
  return (
    <svg class={`placeholder ${colour}`} viewBox="0 0 100 100" aria-hidden="true" preserveAspectRatio="xMidYMid slice">
      <rect class="ground" width={100} height={100} />
      <g transform={`rotate(${turn} 50 50)`}>{shapes[bit(11, shapes.length)]}</g>
    </svg>
  );
}
