'use client';

import { useState } from 'react';
import { Input, Select } from './ui/field';

const units = [
  { label: 'seconds', size: 1 },
  { label: 'minutes', size: 60 },
  { label: 'hours', size: 3_600 },
  { label: 'days', size: 86_400 },
];

function unitOf(seconds: number) {
  return [...units].reverse().find((unit) => seconds >= unit.size && seconds % unit.size === 0) ?? units[0]!;
}

interface DurationInputProps {
  label: string;
  /** Seconds; NaN while nothing is written. */
  value: number;
  onChange: (seconds: number) => void;
  placeholder?: string;
  min?: number;
}

/** A number and its unit, kept as seconds. */
export function DurationInput({ label, value, onChange, placeholder, min = 1 }: DurationInputProps) {
  const [unit, setUnit] = useState(() => (Number.isNaN(value) ? units[1]! : unitOf(value)));
  return (
    <div className="flex gap-2">
      <Input
        type="number"
        min={min}
        step={1}
        inputMode="numeric"
        placeholder={placeholder}
        value={Number.isNaN(value) ? '' : value / unit.size}
        onChange={(event) => onChange(event.target.value === '' ? Number.NaN : Math.round(event.target.valueAsNumber * unit.size))}
      />
      <Select
        id={undefined}
        aria-describedby={undefined}
        aria-label={`${label}: unit`}
        className="w-32 shrink-0"
        value={unit.size}
        onChange={(event) => {
          const next = units.find((each) => each.size === Number(event.target.value))!;
          if (!Number.isNaN(value)) onChange((value / unit.size) * next.size);
          setUnit(next);
        }}
      >
        {units.map((each) => (
          <option key={each.size} value={each.size}>
            {each.label}
          </option>
        ))}
      </Select>
    </div>
  );
}
