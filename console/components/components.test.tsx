import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { ProblemError } from '@/lib/api';
import { Confirm } from './danger';
import { DurationInput } from './duration-input';
import { SecretDialog } from './secret';

test('what cannot be undone waits for the name, and says in place why it failed', async () => {
  const person = userEvent.setup();
  const onConfirm = vi.fn().mockRejectedValueOnce(new ProblemError({ status: 409, code: 'last', detail: 'This is the last one.' })).mockResolvedValueOnce(undefined);
  const onOpenChange = vi.fn();
  render(<Confirm open onOpenChange={onOpenChange} title="Delete Demo?" consequence="For good." name="demo" button="Delete organization" onConfirm={onConfirm} />);
  const button = screen.getByRole('button', { name: 'Delete organization' });
  expect(button).toBeDisabled();
  await person.type(screen.getByLabelText('Type demo to confirm'), 'demo');
  await person.click(button);
  expect(await screen.findByText('This is the last one.')).toBeInTheDocument();
  expect(onOpenChange).not.toHaveBeenCalled();
  await person.click(button);
  expect(onOpenChange).toHaveBeenCalledWith(false);
});

test('a secret stays until it is said to be stored', async () => {
  const person = userEvent.setup();
  const onClose = vi.fn();
  render(<SecretDialog open title="Secret" warning="Once." label="Client secret" value="s3cret" onClose={onClose} />);
  await person.keyboard('{Escape}');
  expect(onClose).not.toHaveBeenCalled();
  expect(screen.getByTestId('secret')).toHaveTextContent('s3cret');
  await person.click(screen.getByRole('button', { name: 'I have stored it' }));
  expect(onClose).toHaveBeenCalledOnce();
});

test('a duration keeps its seconds when its number or unit changes', async () => {
  const person = userEvent.setup();
  const onChange = vi.fn();
  render(<DurationInput label="Idle" value={7200} onChange={onChange} />);
  expect(screen.getByRole('spinbutton')).toHaveValue(2);
  expect(screen.getByRole('combobox')).toHaveValue('3600');
  await person.selectOptions(screen.getByRole('combobox'), 'minutes');
  expect(onChange).toHaveBeenLastCalledWith(120);
});
