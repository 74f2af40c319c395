"""What every app's tables share: ids, points, the lock order, and the row that moves business time."""
