"""What can go wrong with backups of the state store."""

from loyalty_core.errors import LoyaltyError

RESTORE = "Restore a backup: loyalty store restore FILE."


class BackupFailed(LoyaltyError):
    """The state store could not be backed up or restored."""

    code = "backup_failed"
