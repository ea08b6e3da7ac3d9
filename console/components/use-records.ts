'use client';

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useToast } from './ui/toast';
import { useMay } from '@/lib/session';

/** What is done with a list of records that are made and changed beside it. */
export function useRecords<T>(queryKey: readonly unknown[]) {
  const queries = useQueryClient();
  const toast = useToast();
  const editable = useMay('organization:write');
  const [editing, setEditing] = useState<{ record?: T }>();
  const [removing, setRemoving] = useState<T>();
  const changed = async (words: string) => {
    await queries.invalidateQueries({ queryKey });
    toast(words);
  };
  return { editable, editing, setEditing, removing, setRemoving, changed, reload: () => void queries.invalidateQueries({ queryKey }) };
}

/** The entity tag of a record that came in a list: the Admin API's tags name versions. */
export const tagOf = ({ version }: { version: number }): string => `"${version}"`;
