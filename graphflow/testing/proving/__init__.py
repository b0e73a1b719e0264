"""What holds of conditions on every state that a schema allows."""
