//! Receivers of every kind.

use std::{
    io::ErrorKind,
    net::TcpListener as Listener,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A listener that hands every connection to a behaviour, once its request is read, and keeps the requests.
pub struct Receiver {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    pub async fn behaving<F>(behave: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read_request(&mut stream).await;
                locked(&kept).push(request);
                tokio::spawn(behave(stream));
            }
        });
        Self { port, requests }
    }

    /// Answers and closes.
    pub async fn answering(answer: impl Into<String>) -> Self {
        let answer = answer.into();
        Self::behaving(move |mut stream| {
            let answer = answer.clone();
            async move { stream.write_all(answer.as_bytes()).await.unwrap() }
        })
        .await
    }

    /// Begins like this and then says no more, without closing.
    pub async fn falling_silent(beginning: &'static str) -> Self {
        Self::behaving(move |mut stream| async move {
            stream.write_all(beginning.as_bytes()).await.unwrap();
            std::future::pending().await
        })
        .await
    }

    /// Begins like this and then repeats something, a little at a time, until its peer has had enough.
    pub async fn dripping(beginning: &'static str, drop: &'static str) -> Self {
        Self::behaving(move |mut stream| async move {
            stream.write_all(beginning.as_bytes()).await.unwrap();
            while stream.write_all(drop.as_bytes()).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub fn requests(&self) -> Vec<String> {
        locked(&self.requests).clone()
    }
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a request with its body, whose length it states.
pub async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length(head)
        {
            return text.into_owned();
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "half a request");
    }
}

fn length(head: &str) -> usize {
    let line = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    line.map_or(0, |length| length.parse().unwrap())
}

/// A listener that nobody must connect to.
pub struct Untouched(Listener);

impl Untouched {
    pub fn new() -> Self {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self(listener)
    }

    pub fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }

    pub fn assert_untouched(&self) {
        assert_eq!(self.0.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    }
}

/// Sends `head` and then without end; the task ends when the peer hangs up.
pub async fn endless(head: &'static str) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sending = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_request(&mut stream).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        while stream.write_all(&[b'y'; 16_384]).await.is_ok() {}
    });
    (port, sending)
}
