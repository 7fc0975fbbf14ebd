"""What people and programs see. The only package that imports Rich."""
