"""What the image puts into a user's home and keeps up to date there, without ever losing what the user has done."""
