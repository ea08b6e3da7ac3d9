'use client';

import { flexRender, getCoreRowModel, useReactTable, type ColumnDef, type RowSelectionState, type VisibilityState } from '@tanstack/react-table';
import { ArrowDown, ArrowUp, Columns3 } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { useFilters } from '@/lib/address';
import { cn } from '@/lib/cn';
import { Empty, ErrorNotice } from '../states';
import { Button } from '../ui/button';
import { Checkbox } from '../ui/choice';
import { Select } from '../ui/field';
import { Menu, MenuCheck, MenuLabel } from '../ui/menu';
import { Card, Skeleton } from '../ui/surface';
import { BulkBar, type BulkAction } from './bulk-bar';
import { useRememberedColumns } from './remembered-columns';
import { SearchBox } from './search-box';
import { useList, type FetchPage } from './use-list';

declare module '@tanstack/react-table' {
  // The names of the parameters must repeat those of the library's declaration.
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  interface ColumnMeta<TData, TValue> {
    title: string;
    /** The value of `sort` that orders by this column. */
    sort?: string;
    className?: string;
  }
}

export interface ListFilter {
  name: string;
  label: string;
  options: { value: string; label: string }[];
}

interface ListViewProps<T> {
  /** Names the list for assistive technology and for what is remembered about it. */
  name: string;
  queryKey: readonly unknown[];
  fetchPage: FetchPage<T>;
  columns: ColumnDef<T>[];
  idOf: (item: T) => string;
  nameOf: (item: T) => string;
  /** The page of an item; without one a row opens nothing. */
  hrefOf?: (item: T) => string;
  /** Shows the item without leaving the list. */
  onOpen?: (item: T) => void;
  search?: string;
  filters?: ListFilter[];
  moreFilters?: ReactNode;
  /** Names of further filters in the address, for "clear filters". */
  moreFilterNames?: string[];
  defaultSort?: string;
  bulk?: BulkAction<T>[];
  selectable?: (item: T) => boolean;
  empty: ReactNode;
}

/** Search, filters, order, column choice, selection and paging of a list, all but the last two in the address. */
export function ListView<T>(props: ListViewProps<T>) {
  const { get, set } = useFilters();
  const query = useList(props.queryKey, props.fetchPage);
  const [visibility, setVisibility] = useRememberedColumns(props.name);
  const [selection, setSelection] = useState<RowSelectionState>({});
  const filterNames = [...(props.search ? ['q'] : []), ...(props.filters ?? []).map((filter) => filter.name), ...(props.moreFilterNames ?? [])];
  const filtered = filterNames.some((name) => get(name) !== '');
  const clear = () => set(Object.fromEntries(filterNames.map((name) => [name, undefined])));

  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-2">
        {props.search && <SearchBox label={props.search} value={get('q')} onChange={(q) => set({ q })} />}
        {props.filters?.map((filter) => (
          <Select key={filter.name} aria-label={filter.label} value={get(filter.name)} onChange={(event) => set({ [filter.name]: event.target.value })} className="w-auto max-sm:flex-1">
            <option value="">{filter.label}: all</option>
            {filter.options.map((option) => (
              <option key={option.value} value={option.value}>
                {option.label}
              </option>
            ))}
          </Select>
        ))}
        {props.moreFilters}
        {filtered && (
          <Button look="quiet" onClick={clear}>
            Clear filters
          </Button>
        )}
        <div className="ml-auto">
          <ColumnChoice columns={props.columns} visibility={visibility} onChange={setVisibility} />
        </div>
      </div>
      {query.items && props.bulk && (
        <BulkBar actions={props.bulk} chosen={query.items.filter((item) => selection[props.idOf(item)])} nameOf={props.nameOf} clear={() => setSelection({})} />
      )}
      {query.error && <ErrorNotice title="The list could not be read" error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <ListSkeleton />}
      {query.items?.length === 0 && !query.error && (
        <Card>
          {filtered ? (
            <Empty title="Nothing matches these filters" action={<Button onClick={clear}>Clear filters</Button>}>
              Search looks at the beginning of names and identifiers.
            </Empty>
          ) : (
            props.empty
          )}
        </Card>
      )}
      {query.items && query.items.length > 0 && (
        <>
          <ListTable {...props} items={query.items} busy={query.isPlaceholderData} visibility={visibility} setVisibility={setVisibility} selection={selection} setSelection={setSelection} />
          <div className="flex items-center justify-between gap-4 text-neutral-11">
            <p role="status">
              {query.items.length} shown{query.hasNextPage ? ', there are more' : ''}
            </p>
            {query.hasNextPage && (
              <Button pending={query.isFetchingNextPage} pendingText="Loading…" onClick={() => void query.fetchNextPage()}>
                Show more
              </Button>
            )}
          </div>
        </>
      )}
    </div>
  );
}

interface TableProps<T> extends ListViewProps<T> {
  items: T[];
  busy: boolean;
  visibility: VisibilityState;
  setVisibility: (visibility: VisibilityState) => void;
  selection: RowSelectionState;
  setSelection: (selection: RowSelectionState) => void;
}

function ListTable<T>({ name, columns, items, idOf, nameOf, hrefOf, onOpen, busy, visibility, selection, setSelection, bulk, selectable, defaultSort }: TableProps<T>) {
  const router = useRouter();
  const table = useReactTable({
    data: items,
    columns,
    getRowId: idOf,
    getCoreRowModel: getCoreRowModel(),
    state: { columnVisibility: visibility, rowSelection: selection },
    enableRowSelection: (row) => selectable?.(row.original) ?? true,
    onRowSelectionChange: (change) => setSelection(typeof change === 'function' ? change(selection) : change),
  });
  const choosing = Boolean(bulk?.length);
  const open = (event: MouseEvent, item: T) => {
    const target = event.target as HTMLElement;
    if (!hrefOf) return;
    if (target.closest('a, button, time, input, label') || window.getSelection()?.toString()) return;
    if (event.metaKey || event.ctrlKey) window.open(hrefOf(item), '_blank', 'noopener');
    else if (onOpen) onOpen(item);
    else router.push(hrefOf(item));
  };
  return (
    <Card className={cn('overflow-x-auto transition-opacity', busy && 'opacity-60')} aria-busy={busy} aria-label={name}>
      <table className="w-full border-collapse text-left" onKeyDown={moveFocus}>
        <thead>
          <tr className="border-b border-neutral-6">
            {choosing && (
              <th scope="col" className="w-10 pl-4">
                <Checkbox
                  aria-label="Choose all"
                  checked={table.getIsAllRowsSelected() ? true : table.getIsSomeRowsSelected() ? 'indeterminate' : false}
                  onCheckedChange={(state) => table.toggleAllRowsSelected(state === true)}
                />
              </th>
            )}
            {table.getFlatHeaders().map((header) => (
              <HeaderCell key={header.id} meta={header.column.columnDef.meta} defaultSort={defaultSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {table.getRowModel().rows.map((row) => (
            <tr key={row.id} onClick={(event) => open(event, row.original)} className={cn('border-b border-neutral-5 last:border-b-0 focus-within:bg-neutral-3 hover:bg-neutral-3', hrefOf && 'cursor-pointer')}>
              {choosing && (
                <td className="pl-4">
                  <Checkbox aria-label={`Choose ${nameOf(row.original)}`} checked={row.getIsSelected()} disabled={!row.getCanSelect()} onCheckedChange={(state) => row.toggleSelected(state === true)} />
                </td>
              )}
              {row.getVisibleCells().map((cell) => (
                <td key={cell.id} className={cn('h-12 max-w-80 px-4 py-2 align-middle max-sm:max-w-[52vw] max-sm:px-3', cell.column.columnDef.meta?.className)}>
                  {flexRender(cell.column.columnDef.cell, cell.getContext())}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

function HeaderCell({ meta, defaultSort }: { meta: ColumnDef<unknown>['meta']; defaultSort?: string }) {
  const { get, set } = useFilters();
  const sort = get('sort') || defaultSort;
  const descending = sort === `-${meta?.sort}`;
  const ascending = sort === meta?.sort && meta?.sort !== undefined;
  const Arrow = descending ? ArrowDown : ArrowUp;
  return (
    <th scope="col" aria-sort={ascending ? 'ascending' : descending ? 'descending' : undefined} className={cn('h-10 px-4 text-12 font-medium text-neutral-11', meta?.className)}>
      {meta?.sort ? (
        <button type="button" className="-mx-1.5 inline-flex min-h-8 items-center gap-1 rounded-[6px] px-1.5 hover:text-neutral-12" onClick={() => set({ sort: ascending ? `-${meta.sort}` : meta.sort })}>
          {meta.title}
          <Arrow aria-hidden className={cn('size-3.5', !ascending && !descending && 'invisible')} />
        </button>
      ) : (
        meta?.title
      )}
    </th>
  );
}

/** Arrow keys walk from row to row. */
function moveFocus(event: KeyboardEvent<HTMLTableElement>) {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const row = (event.target as HTMLElement).closest('tbody tr');
  const next = event.key === 'ArrowDown' ? row?.nextElementSibling : row?.previousElementSibling;
  const link = next?.querySelector<HTMLElement>('a[href], button[data-row]');
  if (!link) return;
  event.preventDefault();
  link.focus();
}

function ColumnChoice<T>({ columns, visibility, onChange }: { columns: ColumnDef<T>[]; visibility: VisibilityState; onChange: (visibility: VisibilityState) => void }) {
  const optional = columns.slice(1).flatMap((column) => (column.id && column.meta ? [{ id: column.id, title: column.meta.title }] : []));
  return (
    <Menu
      align="end"
      trigger={
        <Button look="quiet" aria-label="Columns" size="icon">
          <Columns3 aria-hidden />
        </Button>
      }
    >
      <MenuLabel>Columns</MenuLabel>
      {optional.map(({ id, title }) => (
        <MenuCheck key={id} checked={visibility[id] !== false} onCheckedChange={(shown) => onChange({ ...visibility, [id]: shown })} onSelect={(event) => event.preventDefault()}>
          {title}
        </MenuCheck>
      ))}
    </Menu>
  );
}

function ListSkeleton() {
  return (
    <Card role="status" aria-label="Loading" className="grid gap-3 p-4">
      {[0, 1, 2, 3, 4, 5].map((row) => (
        <Skeleton key={row} className="h-8" />
      ))}
    </Card>
  );
}
