import { fireEvent, render, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { Folded } from './folded';

test('what is folded can be read in a form that may not be changed, by mouse and keyboard', () => {
  render(
    <fieldset disabled>
      <Folded title="Protocol">Grant types</Folded>
    </fieldset>,
  );
  const trigger = screen.getByRole('button', { name: 'Protocol' });
  expect(trigger).toBeEnabled();
  fireEvent.click(trigger);
  expect(screen.getByText('Grant types')).toBeVisible();
  expect(trigger).toHaveAttribute('aria-expanded', 'true');
  fireEvent.keyDown(trigger, { key: ' ' });
  expect(screen.queryByText('Grant types')).toBeNull();
  fireEvent.keyDown(trigger, { key: 'Enter' });
  expect(screen.getByText('Grant types')).toBeVisible();
});
