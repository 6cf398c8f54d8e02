"""Model versions on disk: opened only when every proof holds, written all or nothing, one of them active."""
