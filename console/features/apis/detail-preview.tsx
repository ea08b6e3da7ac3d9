'use client';

import { useId, useState } from 'react';
import { useWatch, type Control } from 'react-hook-form';
import { Select } from '@/components/ui/field';
import { languages } from '@/lib/languages';
import { previewOf, type DetailValues } from './detail-values';

/** How the consent page says it, with examples in the place of what an application asks for. */
export function DetailPreview({ control }: { control: Control<DetailValues> }) {
  const [language, setLanguage] = useState(languages[0]!.tag);
  const [consent, fields] = useWatch({ control, name: ['consent', 'fields'] });
  const { sentence, facts } = previewOf({ consent, fields }, language);
  const heading = useId();
  return (
    <section aria-labelledby={heading} className="grid gap-2 rounded-control border border-neutral-6 bg-neutral-2 p-4">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h3 id={heading} className="font-medium">
          On the consent page
        </h3>
        <Select aria-label="Language of the preview" value={language} onChange={(event) => setLanguage(event.target.value)} className="w-36">
          {languages.map(({ tag, label }) => (
            <option key={tag} value={tag}>
              {label}
            </option>
          ))}
        </Select>
      </div>
      {sentence === '' ? (
        <p className="text-neutral-11">Write the sentence to see it here.</p>
      ) : (
        <div lang={language} className="grid gap-1">
          <p className="break-words">{sentence}</p>
          <ul className="list-disc pl-5 text-neutral-11">
            {facts.map(({ label, value }) => (
              <li key={label} className="break-words">
                {label}: {value}
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
