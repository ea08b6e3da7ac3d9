'use client';

import { Download } from 'lucide-react';
import { CopyButton } from './copy';
import { Button } from './ui/button';
import { Dialog, DialogActions } from './ui/dialog';
import { Notice } from './ui/surface';

interface SecretDialogProps {
  open: boolean;
  title: string;
  warning: string;
  label: string;
  value: string;
  /** Named lines for the downloaded file. */
  file?: { name: string; content: string };
  onClose: () => void;
}

/** Shows a secret the one time there is, with copy and download. Only its own button closes it. */
export function SecretDialog({ open, title, warning, label, value, file, onClose }: SecretDialogProps) {
  const download = () => {
    if (!file) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([file.content], { type: 'text/plain' }));
    link.download = file.name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <Dialog open={open} onOpenChange={(next) => !next && onClose()} title={title} keepOpen>
      <div className="grid gap-4">
        <Notice tone="warning" role="note">
          {warning}
        </Notice>
        <div>
          <p className="mb-1 font-medium">{label}</p>
          <code data-testid="secret" className="block select-all break-all rounded-control border border-neutral-6 bg-neutral-2 p-3 font-mono">
            {value}
          </code>
        </div>
        <div className="flex flex-wrap gap-2">
          <CopyButton value={value} what={label} withText />
          {file && (
            <Button onClick={download}>
              <Download aria-hidden />
              Download
            </Button>
          )}
        </div>
      </div>
      <DialogActions>
        <Button look="primary" onClick={onClose}>
          I have stored it
        </Button>
      </DialogActions>
    </Dialog>
  );
}
